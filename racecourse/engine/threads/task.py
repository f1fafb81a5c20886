"""Tasks: threads under control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from racecourse.engine.strategies.base import Step


class Unwind(BaseException):
    """Raised inside tasks of an execution that is over, so that they end.

    Not an `Exception`: the program's own handlers should let it pass. Those that
    do not are met again at their next point.
    """


class Task:
    """One thread of the program. Only the scheduler writes to it."""

    __slots__ = (
        "actor",
        "carrier",
        "daemon",
        "deadline_ns",
        "ended",
        "held",
        "joiners",
        "name",
        "number",
        "points",
        "running_loop",
        "step",
        "timed_out",
        "value",
        "waits_for",
    )

    def __init__(self, number: int, name: str, *, daemon: bool) -> None:
        self.number = number
        self.name = name
        """What reports call it; a loop lends it the name of the task in hand."""
        self.actor = number
        """Who acts: this thread, or the coroutine's task that it runs just now."""
        self.daemon = daemon
        self.carrier: Any = None
        """What the hand-off runs it on: a greenlet or an OS thread's wake-up."""
        self.ended = False
        self.points = 0
        """Preemption points met so far; blocking and ending count as one each."""
        self.waits_for: object = None
        self.deadline_ns: int | None = None
        self.timed_out = False
        self.joiners: list[Task] = []
        self.running_loop: Any = None
        """The event loop that runs in this thread."""
        self.step: Step | None = None
        self.held: list[tuple[int, Any, Any]] = []
        """(site, base, key) of accesses whose operands are being evaluated."""
        self.value: tuple[int, Any] | None = None
        """(site, value) of a store that comes next."""

    def __str__(self) -> str:
        return f"the end of {self.name}"
