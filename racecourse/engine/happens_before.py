"""Data races: conflicting accesses that happens-before does not order.

Vector clocks as in Flanagan and Freund, "FastTrack" (PLDI 2009), with a read map
instead of adaptive epochs: programs here are small, and the report wants every
reader. What orders tasks is told by the caller (start, join, release, acquire), so
the same detector answers two questions:

- With locks told: which accesses race?
- With starts and joins only: which locations do tasks share at all? That does not
  depend on who won a lock in this execution.

Two atomic updates of one container, `a.append(x)` and `a.append(y)`, conflict in
the second sense and not in the first: Python promises that neither is lost.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from racecourse.engine.clocks import VectorClock
from racecourse.engine.sites import Access

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Race:
    """Two sites that met at one location without order, at least one changing it."""

    first_site: int
    second_site: int


@dataclasses.dataclass(slots=True)
class _History:
    """The accesses to one location that can still race; (epoch, site) per task."""

    reads: dict[int, tuple[int, int]] = dataclasses.field(default_factory=dict)
    updates: dict[int, tuple[int, int]] = dataclasses.field(default_factory=dict)
    writes: dict[int, tuple[int, int]] = dataclasses.field(default_factory=dict)


class Detector:
    """Follows one execution and collects its races."""

    def __init__(self, *, updates_conflict: bool) -> None:
        self.races: set[Race] = set()
        self.locations: set[Hashable] = set()
        """Where the races were."""
        self._updates_conflict = updates_conflict
        self._clocks: dict[int, VectorClock] = {}
        self._histories: dict[Hashable, _History] = {}

    def _clock(self, task: int) -> VectorClock:
        clock = self._clocks.get(task)
        if clock is None:
            clock = self._clocks[task] = VectorClock()
            clock.advance(task)
        return clock

    def started(self, parent: int, child: int) -> None:
        """All that `parent` did comes before all that `child` does."""
        clock = self._clock(child)
        if parent != child:
            clock.merge(self._clock(parent))
            self._clock(parent).advance(parent)

    def joined(self, waiter: int, ended: int) -> None:
        """All that `ended` did comes before what `waiter` does next."""
        self._clock(waiter).merge(self._clock(ended))

    def released(self, task: int, heard: VectorClock) -> None:
        """Leave with a lock what `task` knows."""
        heard.merge(self._clock(task))
        self._clock(task).advance(task)

    def acquired(self, task: int, heard: VectorClock) -> None:
        """Learn from a lock what its former holders knew."""
        self._clock(task).merge(heard)

    def accessed(
        self, task: int, location: Hashable, access: Access, site: int
    ) -> None:
        """Compare one access with those before it, and remember it."""
        history = self._histories.get(location)
        if history is None:
            history = self._histories[location] = _History()
        clock = self._clock(task)
        mine = (clock.epoch(task), site)
        if access is Access.READ and history.reads.get(task) == mine:
            return  # a spinning reader; whoever wrote since has met this read
        for earlier in self._conflicting(history, access):
            self._compare(task, clock, earlier, location, site)
        match access:
            case Access.READ:
                history.reads[task] = mine
            case Access.UPDATE:
                history.updates[task] = mine
            case Access.WRITE:
                history.writes[task] = mine

    def _conflicting(
        self, history: _History, access: Access
    ) -> tuple[dict[int, tuple[int, int]], ...]:
        match access:
            case Access.READ:
                return (history.writes, history.updates)
            case Access.UPDATE if not self._updates_conflict:
                return (history.writes, history.reads)
            case _:
                return (history.writes, history.updates, history.reads)

    def _compare(
        self,
        task: int,
        clock: VectorClock,
        earlier: dict[int, tuple[int, int]],
        location: Hashable,
        site: int,
    ) -> None:
        for other, (epoch, other_site) in earlier.items():
            if other != task and clock.epoch(other) < epoch:
                low, high = sorted((other_site, site))
                self.races.add(Race(first_site=low, second_site=high))
                self.locations.add(location)
