"""A6.3, A6.4: Pool.imap_unordered over (index, path), for processes; a ThreadPool for threads.

Files are read in pieces of 64 kB. asyncio feeds a queue to as many coroutines as there
are workers.
"""

import asyncio
import contextlib
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
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
            content = b"".join(iter(lambda: file.read(1 << 16), b""))
        size = len(content)
        return FileResult(path, True, worker(content)), size
    except Exception as error:
        return FileResult(path, False, error=error.with_traceback(None)), size


child_cancel: Any = None
child_worker: Any = None


def set_up(event, worker):
    global child_cancel, child_worker
    child_cancel, child_worker = event, worker


def one_in_child(job):
    index, path = job
    return index, one(path, child_worker, child_cancel)


def indexed(pool, paths, do, results):
    """Fill in the results as they come; what never comes stays as it is."""
    for index, result in pool.imap_unordered(do, enumerate(paths)):
        results[index] = result
    return results


def threads(paths, worker, count, cancel):
    def do(job):
        return job[0], one(job[1], worker, cancel)

    with ThreadPool(count) as pool:
        try:
            results = indexed(pool, paths, do, [None] * len(paths))
            pool.close()
        except BaseException:
            pool.terminate()
            raise
        finally:
            pool.join()
        return results


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
        multiprocessing.Pool(count, set_up, (event, worker)) as pool,
    ):
        watcher.start()  # after the children: they are forked
        results = indexed(pool, paths, one_in_child, [None] * len(paths))
        pool.close()
        pool.join()
        return results


async def in_loop(paths, worker, count, cancel, pool):
    loop = asyncio.get_running_loop()
    jobs = asyncio.Queue()
    results = [None] * len(paths)
    for job in enumerate(paths):
        jobs.put_nowait(job)

    async def work():
        while not jobs.empty():
            index, path = jobs.get_nowait()
            results[index] = await loop.run_in_executor(pool, one, path, worker, cancel)

    await asyncio.gather(*(work() for _ in range(count)))
    return results


def coroutines(paths, worker, count, cancel):
    with ThreadPoolExecutor(count) as pool:
        coroutine = in_loop(paths, worker, count, cancel, pool)
        try:
            return asyncio.run(coroutine)
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
