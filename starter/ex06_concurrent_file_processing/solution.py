"""Exercise 6: files processed by threads, by processes and by asyncio, and compared.

Fill in the bodies. Keep the names and the signatures; add whatever else you need.
The promises your code is graded by are in the README beside this exercise.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

R = TypeVar("R")
Approach = Literal["threading", "multiprocessing", "asyncio"]


class Cancelled(Exception):  # noqa: N818 - the name is part of the contract
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
        worker: Can be pickled; an `Exception` that it raises is recorded, not raised.
        approach: How: with threads, with processes, or with an event loop of its own
            on which neither reading nor the worker runs.
        max_workers: How many files are being read or worked on at once, at most.
        cancel: When set, no further file is begun; those that were not get the error
            Cancelled, and those that were finish.

    Raises:
        ValueError: If `max_workers` is below 1, or the approach is unknown.
        RuntimeError: If the approach is "asyncio" and a loop runs in this thread.
    """
    raise NotImplementedError


def compare(
    paths: Sequence[Path],
    worker: Callable[[bytes], R],
    *,
    max_workers: int = 4,
    repeats: int = 3,
) -> dict[Approach, Timing]:
    """Measure all three approaches, in turn, `repeats` times; return the medians.

    Raises:
        ValueError: If `repeats` or `max_workers` is below 1.
        RuntimeError: If the approaches do not agree on the answers.
    """
    raise NotImplementedError


def best_approach(timings: Mapping[Approach, Timing]) -> Approach:
    """Return the fastest; of those within 5 % of it the simplest.

    The simplest is threading, then asyncio, then multiprocessing.
    """
    raise NotImplementedError


def process_best(
    paths: Sequence[Path], worker: Callable[[bytes], R], *, max_workers: int = 4
) -> tuple[Approach, list[FileResult[R]]]:
    """Compare the approaches on a sample, and process all files with the best.

    Returns:
        The approach that was best, and a result for every file, in order.
    """
    raise NotImplementedError
