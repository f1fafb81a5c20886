"""A6.2, A6.5: asyncio with to_thread, a semaphore and a TaskGroup; executors with an index map.

Threads and processes hand out a file when a semaphore has room, which a done callback
gives back; results are taken with as_completed and put at the index of their future.
"""

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

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


def one(path, worker):
    size = 0
    try:
        with open(path, "rb") as file:
            content = file.read()
        size = len(content)
        return FileResult(path, True, worker(content)), size
    except Exception as error:
        return FileResult(path, False, error=error.with_traceback(None)), size


def submitted(pool, paths, worker, count, cancel, do):
    """Submit a file whenever a hand is free; return the results by index."""
    free = threading.Semaphore(count)
    index_of = {}
    for index, path in enumerate(paths):
        free.acquire()
        if cancel.is_set():
            break
        future = pool.submit(do, path, worker)
        index_of[future] = index
        future.add_done_callback(lambda _: free.release())
    results = {}
    for future in as_completed(index_of):
        path = paths[index_of[future]]
        try:
            results[index_of[future]] = future.result()
        except Exception as error:
            failed = FileResult(path, False, error=error.with_traceback(None))
            results[index_of[future]] = failed, 0
    return results


def filled(paths, results):
    """Put the results in order; what has none was not begun."""
    return [
        results.get(index) or (FileResult(path, False, error=Cancelled()), 0)
        for index, path in enumerate(paths)
    ]


def threads(paths, worker, count, cancel):
    with ThreadPoolExecutor(count) as pool:
        return filled(paths, submitted(pool, paths, worker, count, cancel, one))


def processes(paths, worker, count, cancel):
    with ProcessPoolExecutor(count) as pool:
        return filled(paths, submitted(pool, paths, worker, count, cancel, one))


async def in_loop(paths, worker, count, cancel):
    free = asyncio.Semaphore(count)
    results = {}

    async def go(index, path):
        async with free:
            if not cancel.is_set():
                results[index] = await asyncio.to_thread(one, path, worker)

    async with asyncio.TaskGroup() as group:
        for index, path in enumerate(paths):
            group.create_task(go(index, path))
    return filled(paths, results)


def loop_is_running():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def coroutines(paths, worker, count, cancel):
    if loop_is_running():
        raise RuntimeError("await asyncio.to_thread(process_files, ...) instead")
    return asyncio.run(in_loop(paths, worker, count, cancel))


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
    run(paths, worker, "threading", max_workers)  # pays for the disk, unmeasured
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
