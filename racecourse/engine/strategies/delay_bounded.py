"""Delay-bounded search: every schedule that departs from round robin at most d times.

Emmi, Qadeer and Rakamaric, "Delay-Bounded Scheduling" (POPL 2011). A delay skips
the task whose turn it is; skipping two costs two. With n decisions there are about
n schedules with one delay and n * n / 2 with two, and most mistakes of students
need no more than that.

The guarantee is exact: when a level is exhausted, every schedule with at most that
many delays has been executed, as far as the program decides nothing by itself.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from racecourse.engine.strategies.base import FOREVER, rotation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racecourse.engine.strategies.base import Moment

Delays = tuple[tuple[int, int], ...]
"""(position, amount) pairs: at the position-th decision, so many tasks are skipped."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Stretch:
    """Decisions in a row at which the same number of options stood open."""

    first: int
    count: int
    options: int


class DelayBounded:
    """Round robin with given delays; notes where further delays could go."""

    wants_steps: ClassVar[bool] = False

    def __init__(self, delays: Delays = ()) -> None:
        self.patience = 0
        self.delays = delays
        self.stretches: list[_Stretch] = []
        self._amounts = dict(delays)
        self._upcoming = [position for position, _ in delays]
        self._free_from = self._upcoming[-1] + 1 if delays else 0
        self._position = 0
        self._width = 0

    def choose(self, moment: Moment) -> int:
        """Return the default, or what the delays of this position lead to."""
        self._book(moment.passed, self._width)
        position = self._position
        self._width = len(moment.options)
        self._book(1, self._width)
        amount = 0
        if self._upcoming and self._upcoming[0] == position:
            amount = self._amounts[self._upcoming.pop(0)]
        next_delay = self._upcoming[0] if self._upcoming else FOREVER
        self.patience = next_delay - self._position
        return rotation(moment)[amount] if amount else moment.default

    def ended(self, passed: int) -> None:
        """Book the decisions after the last question."""
        self._book(passed, self._width)

    def _book(self, count: int, width: int) -> None:
        first = max(self._position, self._free_from)
        self._position += count
        if self._position > first:
            self.stretches.append(_Stretch(first, self._position - first, width))

    def demote(self, task: int) -> None:
        """Do nothing: round robin starves nobody."""


class DelaySearch:
    """Enumerates delays level by level, without repeating a schedule.

    A schedule is extended only behind its last delay, so each is reached from
    exactly one other. Usage: take schedules from `level(d)`, execute each, and
    hand it to `learn`; only then is `level(d + 1)` complete.
    """

    def __init__(self) -> None:
        self._parents: list[tuple[Delays, list[_Stretch]]] = []

    def learn(self, executed: DelayBounded) -> None:
        """Remember where an executed schedule could be extended."""
        self._parents.append((executed.delays, executed.stretches))

    def size(self, level: int) -> int:
        """Return the number of schedules with exactly `level` delays."""
        return sum(
            stretch.count
            for delays, stretches in self._parents
            for stretch in stretches
            if 0 < level - _total(delays) < stretch.options
        )

    def is_exhausted(self, level: int) -> bool:
        """Tell whether no schedule has more than `level` delays.

        True only if all those with up to `level` were learned.
        """
        return not any(
            _total(delays) + stretch.options - 1 > level
            for delays, stretches in self._parents
            for stretch in stretches
        )

    def level(self, level: int) -> Iterator[DelayBounded]:
        """Generate the schedules with exactly `level` delays, `level` at least 1."""
        for delays, stretches in tuple(self._parents):
            amount = level - _total(delays)
            for stretch in stretches:
                if 0 < amount < stretch.options:
                    for position in range(stretch.first, stretch.first + stretch.count):
                        yield DelayBounded((*delays, (position, amount)))


def _total(delays: Delays) -> int:
    return sum(amount for _, amount in delays)
