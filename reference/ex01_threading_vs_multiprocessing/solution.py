"""Exercise 1: threads and processes compared, by the clock and by the memory they take.

There is one way to run jobs, `_run`, and it does not know what its workers are: a pool
of threads and a pool of processes look the same from here. It hands out a job only when
a worker is free. So nothing ever waits inside a pool, and "stop" has nothing to call
back: whoever stops, or fails, or is interrupted, waits for the jobs that are running,
and for no others.

A measurement is such a run between two looks at the clock, while a `_MemoryWatch` looks
again and again at what this process and all processes below it hold. What a worker took
is given back at its end. Nobody who looks afterwards can know how much it was.
"""

import argparse
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

import psutil

A = TypeVar("A")
R = TypeVar("R")

_POOLS: dict[str, Callable[[int], Executor]] = {
    "threading": ThreadPoolExecutor,
    "multiprocessing": ProcessPoolExecutor,
}
_TASKS = ("cpu", "io")
_LOOK_EVERY_S = 0.03  # at the memory
_MB = 1 << 20


@dataclass(frozen=True)
class Measurement:
    """One row of the comparison: all the jobs, done once by one kind of workers.

    Attributes:
        model: What the workers were.
        task: What the jobs mostly do: compute or wait.
        workers: How many workers there were.
        seconds: By the wall clock, from before the first job starts until the last
            result is in hand.
        peak_memory_mb: The highest level of this process and all its worker processes
            together during the run, minus the level just before.
        results: One for each argument, in the order of the arguments.
    """

    model: Literal["threading", "multiprocessing"]
    task: Literal["cpu", "io"]
    workers: int
    seconds: float
    peak_memory_mb: float
    results: tuple


def run_threaded(fn: Callable[[A], R], args: Sequence[A], workers: int) -> list[R]:
    """Return `[fn(a) for a in args]`, worked out by so many threads.

    Args:
        fn: Called once for each argument.
        args: The arguments.
        workers: How many calls run at the same time, as long as there are enough.

    Raises:
        ValueError: If `workers` is below 1.
        Exception: What a call raised, when no thread is left.
    """
    return _run("threading", fn, args, workers)


def run_multiprocess(fn: Callable[[A], R], args: Sequence[A], workers: int) -> list[R]:
    """Return `[fn(a) for a in args]`, worked out by so many processes.

    Args:
        fn: Called once for each argument; a function that can be pickled.
        args: The arguments; they and the results can be pickled too.
        workers: How many calls run at the same time, as long as there are enough.

    Raises:
        ValueError: If `workers` is below 1.
        Exception: What a call raised, when no process is left.
    """
    return _run("multiprocessing", fn, args, workers)


def measure(
    model: str, task: str, fn: Callable[[A], R], args: Sequence[A], workers: int
) -> Measurement:
    """Run all jobs once and measure the time and the memory that this takes.

    Args:
        model: "threading" or "multiprocessing".
        task: "cpu" or "io"; it goes into the row and changes nothing else.
        fn: The job, called once for each argument.
        args: The arguments.
        workers: How many jobs run at the same time.

    Raises:
        ValueError: If `workers` is below 1, or the model or task is unknown.
        Exception: What a job raised, when no worker is left.
    """
    return _measure(model, task, fn, args, workers, stop=None)


def compare(  # noqa: PLR0913 - two jobs, and all the rest has a default
    cpu_job: Callable[[A], R],
    cpu_args: Sequence[A],
    io_job: Callable[[A], R],
    io_args: Sequence[A],
    worker_counts: Sequence[int] = (1, 2, 4, 8),
    *,
    stop: threading.Event | None = None,
) -> list[Measurement]:
    """Measure both kinds of jobs with both kinds of workers, one run after the other.

    The rows come in this order: the task "cpu", then "io"; for each the model
    "threading", then "multiprocessing"; for each the worker counts as given.

    Args:
        cpu_job: A job that mostly computes.
        cpu_args: What it is called with, in every run of it.
        io_job: A job that mostly waits.
        io_args: What it is called with, in every run of it.
        worker_counts: How many workers to try.
        stop: When set, no further job is handed to a worker, and the rows that are
            complete are returned.

    Raises:
        ValueError: If there are no worker counts, or one is below 1.
        Exception: What a job raised, when no worker is left.
    """
    if not worker_counts:
        raise ValueError("worker_counts must not be empty")
    for workers in worker_counts:
        _check_workers(workers)
    rows: list[Measurement] = []
    jobs = {"cpu": (cpu_job, cpu_args), "io": (io_job, io_args)}
    for task, model, workers in itertools.product(_TASKS, _POOLS, worker_counts):
        try:
            rows.append(_measure(model, task, *jobs[task], workers, stop=stop))
        except _StoppedError:
            break
    return rows


def report(rows: Sequence[Measurement]) -> str:
    """Return a table with one line for each row, under a line of headings."""
    lines = [f"{'task':4}  {'model':15}  workers   seconds  peak MB  results"]
    lines += [
        f"{row.task:4}  {row.model:15}  {row.workers:7}  {row.seconds:8.3f}"
        f"  {row.peak_memory_mb:7.1f}  {_shorten(row.results)}"
        for row in rows
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the comparison of two small jobs; return the exit code of the program."""
    parser = argparse.ArgumentParser(description="Compare threads and processes.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--jobs", type=int, default=8)
    options = parser.parse_args(argv)
    limits = [3_000 + number for number in range(options.jobs)]
    naps_s = [0.01] * options.jobs
    print(report(compare(count_primes, limits, nap, naps_s, options.workers)))  # noqa: T201 - a program that prints
    return 0


def count_primes(limit: int) -> int:
    """Count the primes below a limit, slowly: a job that computes."""
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))


def nap(seconds: float) -> float:
    """Sleep, as a program does that waits for an answer: a job that waits."""
    time.sleep(seconds)  # noqa: TID251 - waiting is the job
    return seconds


class _StoppedError(Exception):
    """The caller's `stop` was set before all jobs had been handed out."""


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise ValueError(f"there must be at least 1 worker, not {workers}")


def _run(
    model: str,
    fn: Callable[[A], R],
    args: Sequence[A],
    workers: int,
    stop: threading.Event | None = None,
) -> list[R]:
    """Return the results in the order of the arguments.

    Raises:
        ValueError: If `workers` is below 1.
        _StoppedError: If `stop` was set while there were still jobs to hand out.
    """
    _check_workers(workers)
    jobs = iter(enumerate(args))
    running: dict[Future[R], int] = {}  # to the index of the argument
    results: dict[int, R] = {}
    # Every way out of the block waits for what is running, and so leaves no worker.
    with _POOLS[model](workers) as pool:
        while True:
            may_start = stop is None or not stop.is_set()
            free = workers - len(running) if may_start else 0
            for index, arg in itertools.islice(jobs, free):
                running[pool.submit(fn, arg)] = index
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                results[running.pop(future)] = future.result()
    if len(results) < len(args):
        raise _StoppedError
    return [results[index] for index in range(len(args))]


def _measure(  # noqa: PLR0913 - the columns of a row, and the event
    model: str,
    task: str,
    fn: Callable[[A], R],
    args: Sequence[A],
    workers: int,
    *,
    stop: threading.Event | None,
) -> Measurement:
    if model not in _POOLS:
        raise ValueError(f"model must be one of {', '.join(_POOLS)}, not {model!r}")
    if task not in _TASKS:
        raise ValueError(f"task must be one of {', '.join(_TASKS)}, not {task!r}")
    _check_workers(workers)
    with _MemoryWatch() as memory:
        begun = time.perf_counter()
        results = _run(model, fn, args, workers, stop)
        seconds = time.perf_counter() - begun
    return Measurement(
        model=model,  # type: ignore[arg-type]
        task=task,  # type: ignore[arg-type]
        workers=workers,
        seconds=seconds,
        peak_memory_mb=memory.rise_mb,
        results=tuple(results),
    )


class _MemoryWatch:
    """Knows how far the memory rose above its first level while the block ran."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._before = self._peak = 0.0

    def __enter__(self) -> Self:
        self._before = self._peak = _memory_mb()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def rise_mb(self) -> float:
        return self._peak - self._before

    def _watch(self) -> None:
        # An event and not a sleep: the end of the run does not wait for the next look.
        while not self._over.wait(_LOOK_EVERY_S):
            self._peak = max(self._peak, _memory_mb())


def _memory_mb() -> float:
    """Return what this process and all processes below it hold right now."""
    me = psutil.Process()
    # Recursive: workers that come from a fork server are grandchildren.
    return sum(map(_size, (me, *me.children(recursive=True)))) / _MB


def _size(process: psutil.Process) -> int:
    """Return the memory of a process, its share only of what it shares with others."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:  # it has just ended, or is not ours to ask
        return 0
    return int(getattr(memory, "pss", memory.rss))  # Linux alone knows the share


def _shorten(results: tuple, chars: int = 30) -> str:
    words = ", ".join(map(str, results)).split()
    text = " ".join(words)  # on one line, however many there were
    return text if len(text) <= chars else f"{text[: chars - 4]} ..."


if __name__ == "__main__":
    raise SystemExit(main())
