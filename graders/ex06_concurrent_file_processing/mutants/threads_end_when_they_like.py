"""When all files are done, the pool of threads is told to end, and nobody waits for it.

Caught by: X3
"""

import asyncio
import pickle
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

R = TypeVar("R")
Approach = Literal["threading", "multiprocessing", "asyncio"]

_SIMPLEST_FIRST: tuple[Approach, ...] = ("threading", "asyncio", "multiprocessing")
_AS_FAST = 1.05  # so many times the shortest time count as equal
_SAMPLE_FILES, _SAMPLE_SHARE = 8, 5  # eight files, or a fifth of all if that is more


class Cancelled(Exception):
    """The error of a file that was not begun because the run had been cancelled."""


@dataclass(frozen=True)
class FileResult(Generic[R]):
    """What became of one file.

    Attributes:
        path: The path as it was given.
        ok: Whether the worker returned.
        value: What it returned.
        error: Else the exception: of opening or reading, of the worker, or Cancelled.
    """

    path: Path
    ok: bool
    value: R | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Timing:
    """How long one approach took for all files.

    Attributes:
        approach: Which one.
        seconds: Wall clock, the median of all rounds; starting and ending threads,
            processes and loops included.
        files: How many files one round had.
        bytes: How many bytes one round read.
    """

    approach: Approach
    seconds: float
    files: int
    bytes: int


@dataclass(frozen=True)
class _Done(Generic[R]):
    """A result, and the number of bytes read for it."""

    result: FileResult[R]
    bytes: int = 0


def process_files(
    paths: Sequence[Path],
    worker: Callable[[bytes], R],
    *,
    approach: Approach,
    max_workers: int = 4,
    cancel: threading.Event | None = None,
) -> list[FileResult[R]]:
    """Read every file, call `worker(content)`, and return the results in order.

    Args:
        paths: Files, read from their first to their last byte; each time that a path
            is given it is processed.
        worker: Can be pickled; its exceptions are recorded, not raised.
        approach: How: with threads, with processes, or with an event loop of its own
            on which neither reading nor the worker runs.
        max_workers: How many files are being read or worked on at once, at most.
        cancel: When set, no further file is begun; those that were not get the error
            Cancelled, and those that were finish.

    Raises:
        ValueError: If `max_workers` is below 1, or the approach is unknown.
        RuntimeError: If the approach is "asyncio" and a loop runs in this thread.
    """
    run = _Run(list(paths), worker, max_workers, cancel or threading.Event())
    return [done.result for done in run.by(approach)]


def compare(
    paths: Sequence[Path],
    worker: Callable[[bytes], R],
    *,
    max_workers: int = 4,
    repeats: int = 3,
) -> dict[Approach, Timing]:
    """Measure all three approaches, in turn, `repeats` times; return the medians.

    The approaches take turns because the first one to read a file pays for the disk,
    and all later ones find it in memory. Medians forget such a round.

    Raises:
        ValueError: If `repeats` or `max_workers` is below 1.
        RuntimeError: If the approaches do not agree on the answers.
    """
    if repeats < 1:
        raise ValueError("repeats must be at least 1")
    run = _Run(list(paths), worker, max_workers, threading.Event())
    seconds: dict[Approach, list[float]] = {each: [] for each in _SIMPLEST_FIRST}
    read: dict[Approach, int] = {}
    for _ in range(repeats):
        answers = []
        for approach in _SIMPLEST_FIRST:
            begun = time.perf_counter()
            dones = run.by(approach)
            seconds[approach].append(time.perf_counter() - begun)
            read[approach] = sum(done.bytes for done in dones)
            answers.append([_answer(done.result) for done in dones])
        if any(answer != answers[0] for answer in answers):
            raise RuntimeError("the approaches do not agree on the answers")
    return {
        each: Timing(each, statistics.median(times), len(run.paths), read[each])
        for each, times in seconds.items()
    }


def best_approach(timings: Mapping[Approach, Timing]) -> Approach:
    """Return the fastest; of those within 5 % of it the simplest.

    The simplest is threading, then asyncio, then multiprocessing.
    """
    enough = _AS_FAST * min(timing.seconds for timing in timings.values())
    return next(
        each
        for each in _SIMPLEST_FIRST
        if each in timings and timings[each].seconds <= enough
    )


def process_best(
    paths: Sequence[Path], worker: Callable[[bytes], R], *, max_workers: int = 4
) -> tuple[Approach, list[FileResult[R]]]:
    """Compare the approaches on a sample, and process all files with the best.

    Returns:
        The approach that was best, and a result for every file, in order.
    """
    size = max(_SAMPLE_FILES, len(paths) // _SAMPLE_SHARE)
    # From all over the list: files that lie together are often alike.
    step = max(1, -(-len(paths) // size))
    timings = compare(paths[::step], worker, max_workers=max_workers)
    approach = best_approach(timings)
    # The sample again, too: that costs little, and all results come the same way.
    results = process_files(paths, worker, approach=approach, max_workers=max_workers)
    return approach, results


def _answer(result: FileResult[Any]) -> tuple[Any, ...]:
    """What two approaches must agree on; two exceptions alike are not equal by ==."""
    return result.ok, result.value, type(result.error), str(result.error)


def _a_loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


# One file.


def _process(path: Path, worker: Callable[[bytes], R]) -> _Done[R]:
    """Read the file and have the worker work on it; every failure is a result."""
    size = 0
    try:
        with open(path, "rb") as file:
            content = file.read()
        size = len(content)
        return _Done(FileResult(path, ok=True, value=worker(content)), size)
    except (Exception, SystemExit) as error:
        # A traceback keeps its frames, and these keep the content.
        return _Done(FileResult(path, ok=False, error=error.with_traceback(None)), size)


def _process_there(path: Path, worker: Callable[[bytes], R]) -> _Done[R]:
    """The same in a child process: an error must survive the way home."""
    done = _process(path, worker)
    if done.result.error is not None:
        try:
            pickle.loads(pickle.dumps(done.result.error))
        except Exception:
            told = RuntimeError(f"{type(done.result.error).__name__}: {done.result.error}")
            return _Done(FileResult(path, ok=False, error=told), done.bytes)
    return done


# All files.

_Job = tuple[int, Path]


class _Run(Generic[R]):
    """Everything that one call was given, and a way to go about it for each approach."""

    def __init__(
        self,
        paths: list[Path],
        worker: Callable[[bytes], R],
        max_workers: int,
        cancel: threading.Event,
    ) -> None:
        if max_workers < 1:
            raise ValueError("max_workers must be at least 1")
        self.paths = paths
        self._worker = worker
        self._max_workers = max_workers
        self._cancel = cancel

    def by(self, approach: Approach) -> list[_Done[R]]:
        """Process all files by one approach; what was not begun is Cancelled."""
        ways = {
            "threading": self._by_threads,
            "multiprocessing": self._by_processes,
            "asyncio": self._by_coroutines,
        }
        if approach not in ways:
            raise ValueError(f"approach must be one of {', '.join(ways)}")
        dones = ways[approach]()
        return [
            dones.get(index) or _Done(FileResult(path, ok=False, error=Cancelled()))
            for index, path in enumerate(self.paths)
        ]

    def _by_threads(self) -> dict[int, _Done[R]]:
        dones: dict[int, _Done[R]] = {}
        pool = ThreadPoolExecutor(self._max_workers)
        try:
            self._hand_out(deque(enumerate(self.paths)), pool, _process, dones)
        except BaseException:
            pool.shutdown()
            raise
        pool.shutdown(wait=False)
        return dones

    def _by_processes(self) -> dict[int, _Done[R]]:
        dones: dict[int, _Done[R]] = {}
        waiting = deque(enumerate(self.paths))
        while waiting and not self._cancel.is_set():
            for job in self._in_children(waiting, self._max_workers, dones):
                # A child died, and the pool with it. Who was it? Each of these files
                # is tried once more, alone.
                if self._in_children(deque([job]), 1, dones):
                    error = BrokenProcessPool("the process with this file died")
                    result: FileResult[R] = FileResult(job[1], ok=False, error=error)
                    dones[job[0]] = _Done(result)
        return dones

    def _in_children(
        self, waiting: deque[_Job], count: int, dones: dict[int, _Done[R]]
    ) -> list[_Job]:
        """Process what waits in a new pool, until it breaks; return what broke with it."""
        with ProcessPoolExecutor(min(count, len(waiting))) as pool:
            return self._hand_out(waiting, pool, _process_there, dones)

    def _hand_out(
        self,
        waiting: deque[_Job],
        pool: Executor,
        process: Callable[..., _Done[R]],
        dones: dict[int, _Done[R]],
    ) -> list[_Job]:
        """Keep every hand of the pool busy; return the files that were lost with it.

        Never more files are under way than there are hands. So `cancel` needs no
        watching: it is looked at when the next file would be handed out.
        """
        lost: list[_Job] = []
        running: dict[Future[_Done[R]], _Job] = {}

        def may_begin() -> bool:
            return bool(waiting) and not lost and not self._cancel.is_set()

        while running or may_begin():
            while len(running) < self._max_workers and may_begin():
                job = waiting.popleft()
                try:
                    running[pool.submit(process, job[1], self._worker)] = job
                except BrokenProcessPool:
                    lost.append(job)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    dones[job[0]] = future.result()
                except BrokenProcessPool:
                    lost.append(job)
                except Exception as error:
                    error.with_traceback(None)
                    dones[job[0]] = _Done(FileResult(job[1], ok=False, error=error))
        return lost

    def _by_coroutines(self) -> dict[int, _Done[R]]:
        if _a_loop_runs_here():  # asyncio.run says so too, with a coroutine in its hand
            raise RuntimeError("a loop runs in this thread: use asyncio.to_thread")
        with ThreadPoolExecutor(self._max_workers) as pool:
            return asyncio.run(self._in_a_loop(pool))

    async def _in_a_loop(self, pool: Executor) -> dict[int, _Done[R]]:
        """Have as many coroutines as hands take one file after the other.

        All they do is wait: reading and working block, so a thread does both.
        """
        loop = asyncio.get_running_loop()
        dones: dict[int, _Done[R]] = {}
        waiting = deque(enumerate(self.paths))

        async def work_off() -> None:
            while waiting and not self._cancel.is_set():
                index, path = waiting.popleft()
                dones[index] = await loop.run_in_executor(
                    pool, _process, path, self._worker
                )

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._max_workers, len(waiting))):
                group.create_task(work_off())
        return dones
