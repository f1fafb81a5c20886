"""Exercise 1: threads and processes compared, by the clock and by the memory they take.

Fill in the functions. The README next to this file says what is promised to whom.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

A = TypeVar("A")
R = TypeVar("R")


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


def compare(  # noqa: PLR0913
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
    raise NotImplementedError


def report(rows: Sequence[Measurement]) -> str:
    """Return a text with one line for each row, in which every field can be read."""
    raise NotImplementedError


def main(argv: Sequence[str] | None = None) -> int:
    """Print the comparison of two small jobs; return the exit code of the program."""
    raise NotImplementedError


if __name__ == "__main__":
    raise SystemExit(main())
