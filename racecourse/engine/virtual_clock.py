"""A clock that moves only when told to, and the `time` module moved along with it.

The clock belongs to nobody: one clock may outlive many event loops, so a function
that a submission took with `from time import monotonic` keeps telling the right time
in every later run. Only the loop that is running, or a caller, moves it.
"""

from __future__ import annotations

import asyncio
import contextlib

# Queue, subprocess and threading bind the real clock when they are imported. They must
# do so before it is moved: a lock's timeout is real, whatever the submission is told.
import queue as _queue  # noqa: F401
import subprocess as _subprocess  # noqa: F401
import sys
import threading as _threading  # noqa: F401
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NS_PER_S = 1_000_000_000

# Well above zero, as on a machine that has been up for a day: a limiter whose
# "last request" starts at 0.0 must find that long ago, as it does in real life.
START_NS = 100_000 * NS_PER_S

# The wall clock at monotonic zero; 2026-01-01T00:00:00Z, the same in every run.
WALL_EPOCH_NS = 1_767_225_600 * NS_PER_S


class VirtualClock:
    """Integer nanoseconds that never go back and never move by themselves."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self.now_ns = start_ns

    def now_s(self) -> float:
        """Tell the monotonic time in seconds."""
        return self.now_ns / NS_PER_S

    def advance(self, ns: int) -> None:
        """Let `ns` nanoseconds pass.

        Raises:
            ValueError: If `ns` is negative.
        """
        if ns < 0:
            raise ValueError(f"the clock cannot go back ({ns} ns)")
        self.now_ns += ns

    def advance_to(self, instant_ns: int) -> None:
        """Let time pass until `instant_ns`; an instant already past changes nothing."""
        self.now_ns = max(self.now_ns, instant_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingSleep:
    """One `time.sleep` on the thread of a running loop, and the line that called it."""

    seconds: float
    file: str
    line: int


@runtime_checkable
class _Sleeper(Protocol):
    """A loop on a virtual clock: told of a blocking sleep, it lets that time pass."""

    clock: VirtualClock

    def blocked(self, sleep: BlockingSleep) -> None: ...


@contextlib.contextmanager
def moved_clocks(clock: VirtualClock) -> Iterator[VirtualClock]:
    """Make the `time` module tell `clock`'s time, until the block ends.

    `time`, `monotonic`, `perf_counter` and their `_ns` forms agree with one another
    and with the loop. `sleep` on the thread of a running virtual loop is reported to
    that loop instead of slept; on every other thread it really sleeps. Enter before
    the submission is imported and its `from time import monotonic` is moved too.
    `datetime.now` and `time.process_time` stay real. Blocks may be nested.
    """
    moved = _moved_functions(clock, really_sleep=_unmoved_sleep())
    before = {name: getattr(time, name) for name in moved}
    _assign(moved)
    try:
        yield clock
    finally:
        _assign(before)


def _moved_functions(
    clock: VirtualClock, *, really_sleep: Callable[[float], None]
) -> dict[str, Callable[..., Any]]:
    """Build the replacements, by the name that each has in `time`."""

    def wall_ns() -> int:
        return WALL_EPOCH_NS + clock.now_ns

    def wall_s() -> float:
        return wall_ns() / NS_PER_S

    def monotonic_ns() -> int:
        return clock.now_ns

    def sleep(seconds: float) -> None:
        running: object = asyncio._get_running_loop()  # noqa: SLF001 - no exception
        if not isinstance(running, _Sleeper) or running.clock is not clock:
            really_sleep(seconds)
            return
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        caller = sys._getframe(1)  # noqa: SLF001 - the only way to a caller's line
        running.blocked(
            BlockingSleep(
                seconds=float(seconds),
                file=caller.f_code.co_filename,
                line=caller.f_lineno,
            )
        )

    sleep.really_sleep = really_sleep  # type: ignore[attr-defined]
    return {
        "time": wall_s,
        "time_ns": wall_ns,
        "monotonic": clock.now_s,
        "monotonic_ns": monotonic_ns,
        "perf_counter": clock.now_s,
        "perf_counter_ns": monotonic_ns,
        "sleep": sleep,
    }


def _unmoved_sleep() -> Callable[[float], None]:
    """Find the sleep that sleeps, also from inside another `moved_clocks`."""
    current = time.sleep  # noqa: TID251 - taken to be replaced, not called
    unmoved: Callable[[float], None] = getattr(current, "really_sleep", current)
    return unmoved


def _assign(functions: dict[str, Callable[..., Any]]) -> None:
    for name, function in functions.items():
        setattr(time, name, function)
