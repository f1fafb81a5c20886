"""What is left after the sample is told by its path: given again, it is taken for done.

Caught by: C7
"""

import asyncio
import contextlib
import mmap
import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import wait
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


def content_of(file):
    """Map what can be mapped; a pipe and an empty file cannot."""
    if not os.fstat(file.fileno()).st_size:
        return file.read()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return bytes(mapped)


def one(path, worker, cancel):
    if cancel.is_set():
        return FileResult(path, False, error=Cancelled()), 0
    size = 0
    try:
        with open(path, "rb") as file:
            content = content_of(file)
        size = len(content)
        return FileResult(path, True, worker(content)), size
    except Exception as error:
        return FileResult(path, False, error=error.with_traceback(None)), size


def cancelled(paths):
    """A result for each file, for as long as it has no better one."""
    return [(FileResult(path, False, error=Cancelled()), 0) for path in paths]


def threads(paths, worker, count, cancel):
    results, numbers, lock = cancelled(paths), iter(range(len(paths))), threading.Lock()
    interrupted = threading.Event()

    def take_files():
        while not cancel.is_set() and not interrupted.is_set():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            results[number] = one(paths[number], worker, cancel)

    def work(over):
        try:
            take_files()
        finally:
            over.set()

    overs = [threading.Event() for _ in range(min(count, len(paths)))]
    team = [threading.Thread(target=work, args=(over,)) for over in overs]
    for thread in team:
        thread.start()
    try:
        # A join that Ctrl-C interrupts takes its thread for ended, up to Python 3.12.
        for over in overs:
            over.wait()
    except BaseException:
        interrupted.set()
        for over in overs:
            over.wait()
        raise
    finally:
        for thread in team:
            thread.join()
    return results


def serve(pipe, worker):
    """Answer for one path after the other, in a child."""
    never = threading.Event()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            result = one(pipe.recv(), worker, never)
            try:
                pipe.send(result)
            except Exception as error:
                failed = FileResult(result[0].path, False, error=error)
                pipe.send((failed, result[1]))


def processes(paths, worker, count, cancel):
    results = cancelled(paths)
    waiting = list(enumerate(paths))[::-1]
    children, busy = {}, {}
    try:
        for _ in range(min(count, len(paths))):
            ours, theirs = multiprocessing.Pipe()
            child = multiprocessing.Process(target=serve, args=(theirs, worker))
            with theirs:
                child.start()
            children[ours] = child
        idle = list(children)
        while idle or busy:
            while idle and waiting and not cancel.is_set():
                pipe = idle.pop()
                number, path = waiting.pop()
                pipe.send(path)
                busy[pipe] = number
            for pipe in wait(list(busy)) if busy else ():
                number = busy.pop(pipe)
                try:
                    results[number] = pipe.recv()
                    idle.append(pipe)
                except (EOFError, OSError) as error:
                    failed = FileResult(paths[number], False, error=error)
                    results[number] = failed, 0
            if not busy and (not waiting or cancel.is_set()):
                break
    finally:
        for pipe, child in children.items():
            if pipe in busy:
                child.terminate()
            pipe.close()
        for child in children.values():
            child.terminate()
            child.join()
            child.close()
    return results


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
    return measured(paths, worker, max_workers, repeats, lambda *_: None)


def measured(paths, worker, max_workers, repeats, keep):
    times: dict[str, list[float]] = {approach: [] for approach in WAYS}
    size = 0
    for _ in range(repeats):
        answers = set()
        for approach in WAYS:
            start = time.monotonic()
            done = run(paths, worker, approach, max_workers)
            times[approach].append(time.monotonic() - start)
            keep(approach, done)
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
    size = max(8, len(paths) // 5)
    sample = paths[:size]
    rest = [path for path in paths if path not in sample]
    seen = {}

    def keep(approach, done):
        seen[approach] = [result for result, _ in done]

    best = best_approach(measured(sample, worker, max_workers, 3, keep))
    results = process_files(rest, worker, approach=best, max_workers=max_workers)
    return best, seen[best] + results
