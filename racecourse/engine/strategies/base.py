"""What a strategy is asked, and what it answers.

A strategy sees numbers and returns a number; it never meets a thread. The same
strategy therefore drives threads, coroutines and unit tests.

It is asked at every moment at which more than one task could go on, unless it has
promised patience: the number of further points at which its answer would be "let
the same task run". Most strategies know that number, and most of the cost of a
schedule is asking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

FOREVER = 1 << 60
"""More points than any execution has."""


class Step(NamedTuple):
    """The access that a task is about to make."""

    location: tuple[int, str]
    """Which object, and which part of it."""
    label: str
    """What kind of access this is, the same in every execution."""
    changes: bool


class Moment:
    """One question to a strategy. Reused for the next one: keep no reference."""

    __slots__ = ("default", "options", "passed", "point", "steps", "task")

    def __init__(self) -> None:
        self.task = 0
        """The task that stands at a point, is blocked, or has ended."""
        self.point = 0
        """How many points it has met."""
        self.options: tuple[int, ...] = ()
        """Who could run, in order of creation; `CLOCK` or `EARLY`, if allowed, last."""
        self.default = 0
        """The option that needs no decision to be written down."""
        self.passed = 0
        """Points since the last question at which patience answered for the
        strategy while the same options stood open."""
        self.steps: Mapping[int, Step | None] = {}
        """The next access of each task; filled for strategies that want steps."""


class Strategy(Protocol):
    """Decides one execution."""

    wants_steps: ClassVar[bool]
    """Whether `Moment.steps` is filled; executions are slower when it is."""

    patience: int
    """Set by each answer: further points at which the answer is the same task."""

    def choose(self, moment: Moment) -> int:
        """Return one of `moment.options`."""
        ...

    def demote(self, task: int) -> None:
        """Take note that `task` has run long enough for the others to starve."""
        ...

    def ended(self, passed: int) -> None:
        """Take note of the end, `passed` points after the last question."""
        ...


def rotation(moment: Moment) -> tuple[int, ...]:
    """Return the options in round-robin order, beginning with the default."""
    place = moment.options.index(moment.default)
    return moment.options[place:] + moment.options[:place]
