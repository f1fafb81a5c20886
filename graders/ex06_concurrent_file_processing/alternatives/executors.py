"""A6.1: executors everywhere; each file looks at `cancel` when its turn comes.

Processes get an event of their own kind through the pool's initializer; a thread beside
the pool passes the caller's `cancel` on to it.
"""

import asyncio
import contextlib
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

R = TypeVar("R")
Approach = Literal["threading", "multiprocessing", "asyncio"]


class Cancelled(Exception):
    pass


@dataclass(frozen=True)
class FileResult(Generic[R]):
    path: Path
    ok: bool
    value: R | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Timing:
    approach: Approach
    seconds: float
    files: int
    bytes: int


def one(path, worker, cancel):
    if cancel.is_set():
        return FileResult(path, False, error=Cancelled()), 0
    size = 0
    try:
        with open(path, "rb") as file:
            content = file.read()
        size = len(content)
        return FileResult(path, True, worker(content)), size
    except Exception as error:
        return FileResult(path, False, error=error.with_traceback(None)), size


child_cancel: Any = None


def set_up(event):
    global child_cancel
    child_cancel = event


def one_in_child(path, worker):
    return one(path, worker, child_cancel)


def gathered(paths, futures):
    """Collect, and when interrupted forget about what has not begun."""
    results = []
    try:
        for path, future in zip(paths, futures, strict=True):
            try:
                results.append(future.result())
            except Exception as error:
                failed = FileResult(path, False, error=error.with_traceback(None))
                results.append((failed, 0))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return results


def threads(paths, worker, count, cancel):
    with ThreadPoolExecutor(count) as pool:
        return gathered(paths, [pool.submit(one, p, worker, cancel) for p in paths])


@contextlib.contextmanager
def passed_on(cancel, event):
    """Set `event` when `cancel` is set, as long as the block runs."""
    over = threading.Event()

    def watch():
        while not over.wait(0.02):
            if cancel.is_set():
                event.set()
                return

    watcher = threading.Thread(target=watch)
    try:
        yield watcher
    finally:
        over.set()
        if watcher.ident is not None:
            watcher.join()


def processes(paths, worker, count, cancel):
    event = multiprocessing.Event()
    if cancel.is_set():
        event.set()
    with (
        passed_on(cancel, event) as watcher,
        ProcessPoolExecutor(count, initializer=set_up, initargs=(event,)) as pool,
    ):
        futures = [pool.submit(one_in_child, path, worker) for path in paths]
        watcher.start()  # after the children: they are forked
        return gathered(paths, futures)


async def in_loop(paths, worker, cancel, pool):
    loop = asyncio.get_running_loop()
    return await asyncio.gather(
        *(loop.run_in_executor(pool, one, path, worker, cancel) for path in paths)
    )


def coroutines(paths, worker, count, cancel):
    with ThreadPoolExecutor(count) as pool:
        coroutine = in_loop(paths, worker, cancel, pool)
        try:
            return asyncio.run(coroutine)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            coroutine.close()


WAYS = {"threading": threads, "asyncio": coroutines, "multiprocessing": processes}


def run(paths, worker, approach, max_workers, cancel=None):
    if max_workers < 1:
        raise ValueError("max_workers must be 1 or more")
    if approach not in WAYS:
        raise ValueError(f"unknown approach {approach!r}")
    return WAYS[approach](paths, worker, max_workers, cancel or threading.Event())


def process_files(
    paths: Sequence[Path],
    worker: Callable[[bytes], R],
    *,
    approach: Approach,
    max_workers: int = 4,
    cancel: threading.Event | None = None,
) -> list[FileResult[R]]:
    return [result for result, _ in run(paths, worker, approach, max_workers, cancel)]


def compare(
    paths: Sequence[Path],
    worker: Callable[[bytes], R],
    *,
    max_workers: int = 4,
    repeats: int = 3,
) -> dict[Approach, Timing]:
    if repeats < 1:
        raise ValueError("repeats must be 1 or more")
    times: dict[str, list[float]] = {approach: [] for approach in WAYS}
    size = 0
    for _ in range(repeats):
        answers = set()
        for approach in WAYS:
            start = time.monotonic()
            done = run(paths, worker, approach, max_workers)
            times[approach].append(time.monotonic() - start)
            size = sum(bytes_read for _, bytes_read in done)
            answers.add(repr([(r.ok, r.value, r.error) for r, _ in done]))
        if len(answers) > 1:
            raise RuntimeError("different answers")
    return {
        approach: Timing(approach, statistics.median(seconds), len(paths), size)
        for approach, seconds in times.items()
    }


def best_approach(timings: Mapping[Approach, Timing]) -> Approach:
    shortest = min(timing.seconds for timing in timings.values())
    near = [a for a, timing in timings.items() if timing.seconds <= shortest * 1.05]
    return min(near, key=list(WAYS).index)


def process_best(
    paths: Sequence[Path], worker: Callable[[bytes], R], *, max_workers: int = 4
) -> tuple[Approach, list[FileResult[R]]]:
    sample = paths[: max(8, len(paths) // 5)]
    best = best_approach(compare(sample, worker, max_workers=max_workers))
    return best, process_files(paths, worker, approach=best, max_workers=max_workers)
