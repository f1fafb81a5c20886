"""SafeStack as published does fail: no search finds the schedule, but here it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from corpus import FOLDER

from racecourse.engine import Kind, Limits, Schedule, read_program
from racecourse.engine.program import module_names_borrowed
from racecourse.engine.strategies.replay import Replay
from racecourse.engine.threads.bench import ThreadBench, World

if TYPE_CHECKING:
    from racecourse.engine.strategies.base import Moment, Step

MAIN = 0
OPERATIONS = frozenset({"lock", "owner"})
"""What tasks do to one another: each atomic operation takes a lock, and they mark
cells as theirs."""

TURNS = (
    *((1, 2), (2, 9), (1, 1), (3, 9), (2, 5)),
    *((1, 4), (2, 5), (1, 4), (3, 15), (2, 1)),
)
"""(task, so many operations), in turn. A breadth-first search through the states of a
model found it: no failing schedule has fewer preemptions than these seven. The other
two changes of turn are free: a task asks again for a cell while there is none."""


class InTurns:
    """Lets a task make some operations, then the next one."""

    wants_steps: ClassVar[bool] = True

    def __init__(self) -> None:
        self.patience = 0
        self._turns = [task for task, count in TURNS for _ in range(count)]
        self._done: dict[int, Step | None] = {}
        """What each task was last allowed to do; None while it goes to its first."""

    def choose(self, moment: Moment) -> int:
        """Stop a task at its operations only. The main task starts and joins them."""
        if MAIN in moment.options:
            return MAIN
        if moment.task in moment.options and not self._stands(moment):
            return moment.task
        task = self._turns[0] if self._turns else moment.default
        if task in self._done:
            self._done[task] = moment.steps.get(task)
            del self._turns[:1]
        else:
            self._done[task] = None
        return task

    def _stands(self, moment: Moment) -> bool:
        """Tell whether the task is about to make an operation."""
        step = moment.steps.get(moment.task)
        return (
            step is not None
            and step.label in OPERATIONS
            and step is not self._done.get(moment.task)
        )

    def demote(self, task: int) -> None:
        """Do nothing: the turns are short."""

    def ended(self, passed: int) -> None:
        """Need nothing."""


def test_the_failing_schedule_is_executed_and_repeated():
    program = read_program(FOLDER / "safestack_published.py", "buggy")
    with module_names_borrowed(program):
        bench = ThreadBench(program, World())
        run = bench.execute(InTurns(), Limits())
        assert run.failure is not None
        assert run.failure.kind is Kind.ASSERTION
        again = bench.execute(Replay(Schedule.of(run.rows)), Limits())
        assert run.failure.resembles(again.failure)
