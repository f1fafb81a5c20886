"""Exercise 8: a profiler that sees every thread, and the slow pipeline made fast.

Fill in the bodies. Keep the names and the signatures; add whatever else you need.
The promises your code is graded by are in the README beside this exercise.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from slow_pipeline import Summary

T = TypeVar("T")


@dataclass(frozen=True)
class Hotspot:
    """What one function cost, in all threads together.

    Attributes:
        function: Its module and qualified name, such as `shop.Cart.total`.
        calls: How often it was called.
        self_seconds: Time in the function itself, without what it called.
        total_seconds: Time in the function and in what it called.
    """

    function: str
    calls: int
    self_seconds: float
    total_seconds: float


@dataclass(frozen=True)
class ProfileReport:
    """What a call cost.

    Attributes:
        wall_seconds: From the call to its end.
        peak_memory_mb: Extra memory at the highest point of the call.
        hotspots: All functions that ran, the largest `self_seconds` first.
    """

    wall_seconds: float
    peak_memory_mb: float
    hotspots: tuple[Hotspot, ...]


def profile_call(
    fn: Callable[..., T], /, *args: Any, **kwargs: Any
) -> tuple[T, ProfileReport]:
    """Call `fn` and return its value, and a report of all threads that it started.

    Raises:
        RuntimeError: If a profile is being made already.
        BaseException: Whatever `fn` raises; no hook stays active in any thread.
    """
    raise NotImplementedError


def bottlenecks(report: ProfileReport, n: int = 3) -> list[str]:
    """Return the `n` functions with the largest `self_seconds`, waits left out."""
    raise NotImplementedError


def hot_lines(
    fn: Callable[..., Any], /, *args: Any, n: int = 3
) -> list[tuple[int, float]]:
    """Call `fn` and return its `n` most expensive lines, with their shares of its time.

    Returns:
        Pairs of line number (in its file) and share (0..1), the largest share first.
    """
    raise NotImplementedError


def process_records(
    records: Iterable[bytes],
    enrich: Callable[[str], str],
    *,
    workers: int = 4,
    cancel: threading.Event | None = None,
) -> Summary:
    """Sum up the records as `process_records_slow` does, and fast.

    Raises:
        ValueError: If `workers` is less than 1.
    """
    raise NotImplementedError
