"""Who waits for the clock, and when it may move although somebody could run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racecourse.engine.strategies.base import FOREVER
from racecourse.engine.threads.clock import NS_PER_S

if TYPE_CHECKING:
    from racecourse.engine.schedule import Limits
    from racecourse.engine.threads.clock import VirtualClock
    from racecourse.engine.threads.task import Task

_ODD_MOVES_MAX = 32
"""How often in one execution time may pass early, or a timer be late."""
_LOST_NS_MAX = NS_PER_S
"""How much time may pass so. A task may be late, but not by as long as others wait
for it to be: `sleep(10)` against `result(timeout=1)` is no race."""


class Sleepers:
    """The tasks with a deadline, and the clock that wakes them."""

    def __init__(self, clock: VirtualClock, limits: Limits) -> None:
        self.tasks: list[Task] = []
        """Looked at for each answer of a strategy, hence no property."""
        self._clock = clock
        self._timeouts_too = limits.timeouts_may_fire
        self._may_move = limits.timeouts_may_fire or limits.sleepers_may_oversleep
        self._odd_moves = 0
        self._lost_ns = 0

    def add(self, task: Task, deadline_ns: int) -> None:
        """Wake the task at its deadline, unless it is forgotten before."""
        task.deadline_ns = deadline_ns
        self.tasks.append(task)

    def forget(self, task: Task) -> None:
        """Drop the task's deadline, if it has one."""
        if task.deadline_ns is not None:
            task.deadline_ns = None
            self.tasks.remove(task)

    def wake(self) -> list[Task]:
        """Jump to the next deadline; return everybody due then."""
        waiting = self._waiting()
        if not waiting:
            return []
        self._clock.advance_to(min(_deadline(task) for task in waiting))
        due = [task for task in waiting if _deadline(task) <= self._clock.now_ns]
        for task in due:
            task.timed_out = True
        return due

    def wake_early(self) -> list[Task]:
        """Do the same although somebody could run, and book what that cost."""
        before_ns = self._clock.now_ns
        due = self.wake()
        self.lose(self._clock.now_ns - before_ns)
        return due

    def may_oversleep(self) -> bool:
        """Tell whether time may pass now although somebody could run."""
        if not self._may_move:
            return False
        waiting = self._waiting()
        if not waiting:
            return False
        earliest = min(waiting, key=_deadline)
        if not self.can_lose(_deadline(earliest) - self._clock.now_ns):
            return False
        return self._timeouts_too or earliest.waits_for is SLEEP

    def can_lose(self, lost_ns: int) -> bool:
        """Tell whether an execution may lose so much time yet."""
        return (
            self._odd_moves < _ODD_MOVES_MAX and self._lost_ns + lost_ns <= _LOST_NS_MAX
        )

    def lose(self, lost_ns: int) -> None:
        """Book time that somebody lost."""
        self._odd_moves += 1
        self._lost_ns += lost_ns

    def _waiting(self) -> list[Task]:
        return [task for task in self.tasks if not task.timed_out]


class _Sleep:
    """What a sleeping task waits for."""

    def __repr__(self) -> str:
        return "sleep"


SLEEP = _Sleep()


def _deadline(task: Task) -> int:
    return FOREVER if task.deadline_ns is None else task.deadline_ns
