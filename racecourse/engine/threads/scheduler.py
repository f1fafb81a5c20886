"""The scheduler: carries out what a strategy decides, one execution at a time.

Who the actors are. *Tasks* run the program on carriers that the hand-off gives
them. The *strategy* chooses among the tasks that can go on. The *clock* moves
when nobody can. The *recorder*, if there is one, is told what happened.

The invariant: exactly one task runs, `current`. It keeps running without asking
anybody while `left` is positive; hooks count it down inline, because asking at
every point would be most of the cost of a schedule. Whatever changes the set of
tasks that can run takes the remaining grant back (`_interrupt`), so that the next
point asks.

Fairness: a task that has passed `FAIR_RUN` points in a row without need steps
back once, whatever the strategy prefers. After half of the allowed points the
strategy is no longer asked and turns are short: a program that does not end even
so is not merely starved.
"""

from __future__ import annotations

import bisect
import dataclasses
from typing import TYPE_CHECKING, Any, NoReturn

from racecourse.engine.failures import CannotExploreError, Failure, Kind
from racecourse.engine.schedule import CLOCK, EARLY, Limits
from racecourse.engine.strategies.base import FOREVER, Moment
from racecourse.engine.threads.clock import NS_PER_S, VirtualClock
from racecourse.engine.threads.task import Task, Unwind

if TYPE_CHECKING:
    from collections.abc import Callable

    from racecourse.engine.strategies.base import Strategy
    from racecourse.engine.threads.handoff import Handoff
    from racecourse.engine.threads.recorder import Recorder

FAIR_RUN = 200
FAIR_TURN = 5
LOOPS_PER_STEP_BACK = 1_000
_LOOPS_MAX = 2_000 * LOOPS_PER_STEP_BACK
_EARLY_CLOCK_MAX = 32
"""How often time may pass in one execution although somebody could run."""
_STOLEN_NS_MAX = NS_PER_S
"""How much time may pass so. A task may be late, but not by as long as others wait
for it to be: `sleep(10)` against `result(timeout=1)` is no race."""
_EARLY_WAKEUPS_MAX = 2
_UNWINDS_MAX = 50
_STEP_BACKS_PER_TICK = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What one execution did."""

    failure: Failure | None
    rows: tuple[tuple[int, int, int], ...]
    """The decisions; a `Schedule` is built on demand, since most executions pass."""
    points: int
    slept: bool
    """Whether a task waited for the clock."""
    suspensions: int
    """How often the task to be cancelled was suspended."""


class Scheduler:
    """Runs programs. One per process: the controlled library is bound to it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.current: Task = Task(0, "nobody", daemon=True)
        self.recorder: Recorder | None = None
        self.running = False
        self.left = 0
        """Points until somebody must be asked. Hooks count it down inline."""
        self.loops = LOOPS_PER_STEP_BACK
        """Loop back-edges until the task must step back; likewise."""
        self.over = False
        """Whether the execution is decided and its tasks are being unwound."""
        self.wants_steps = False
        self.limits = Limits()
        self.suspensions = 0
        """How often the task to be cancelled was suspended."""
        self.tasks: list[Task] = []
        self._moment = Moment()

    # One execution

    def run(
        self,
        program: Callable[[], object],
        strategy: Strategy,
        *,
        handoff: Handoff,
        limits: Limits,
        recorder: Recorder | None = None,
    ) -> Execution:
        """Execute the program once and return what happened."""
        self._reset(strategy, handoff, limits, recorder)
        main = self.spawn(program, name="main", daemon=False)
        self.current = main
        self.running = True
        try:
            self._grant()
            handoff.start(main)
            strategy.ended(self._passed)
            self._unwind_leftovers()
        finally:
            self.running = False
        self.current = main  # whoever resets the library is the main thread
        if self._escaped is not None:
            raise self._escaped
        return Execution(
            failure=self._failure,
            rows=tuple(self._log),
            points=self._points,
            slept=self._slept,
            suspensions=self.suspensions,
        )

    def _reset(
        self,
        strategy: Strategy,
        handoff: Handoff,
        limits: Limits,
        recorder: Recorder | None,
    ) -> None:
        self.clock = VirtualClock()
        self.recorder = recorder
        self.limits = limits
        self.wants_steps = strategy.wants_steps
        self.tasks = []
        self._strategy = strategy
        self._handoff = handoff
        self._ready: list[int] = []
        self._options: tuple[int, ...] | None = None
        self._sleepers: list[Task] = []
        self._log: list[tuple[int, int, int]] = []
        self._failure: Failure | None = None
        self._escaped: BaseException | None = None
        self.over = False
        self._granted = self.left = 0
        self._points = self._passed = self._turn = 0
        self._is_late = False
        self._turn_max = FAIR_RUN
        self._stretch_end = limits.points_max // 2
        self._alone = True
        self._loops = 0
        self._slept = False
        self._early_clock = 0
        self._stolen_ns = 0
        self._early_wakeups = 0
        self.suspensions = 0
        self._step_backs = 0
        self._unwinds = 0
        self._steps: dict[int, Any] = {}
        self._moment.steps = self._steps

    # Called by tasks

    def spawn(self, body: Callable[[], object], *, name: str, daemon: bool) -> Task:
        """Create a task that can run from now on."""
        task = Task(len(self.tasks), name, daemon=daemon)
        self.tasks.append(task)
        self._handoff.create(task, lambda: self._live(task, body))
        if self.recorder is not None:
            self.recorder.spawned(self.current, task)
        self.enable(task)
        return task

    def point(self) -> None:
        """Stand at a preemption point: others may run before this returns."""
        self.left -= 1
        if self.left < 0:
            self.ask()

    def ask(self) -> None:
        """Stand at a point whose grant is used up."""
        if self.over:
            if not self.running:
                return  # a coroutine that was left behind is being finalized
            self.leave()
        present = self.current
        self._count(present, at_point=True)
        self._continue_with(self._next(present), present)

    def step_back(self) -> None:
        """Let others run: the current task has been round a loop very often."""
        self.loops = LOOPS_PER_STEP_BACK
        if self.over:
            self.leave()
        self._loops += LOOPS_PER_STEP_BACK
        if self._loops > _LOOPS_MAX:
            self._fail_stuck()
        self._interrupt()
        self._turn = FAIR_RUN
        self.point()

    def block(self, waits_for: object, deadline_ns: int | None = None) -> bool:
        """Wait until `enable` or the deadline; return whether it was the deadline."""
        if self.over:
            self.leave()
        present = self.current
        self._count(present, at_point=False)
        present.points += 1
        present.waits_for = waits_for
        present.timed_out = False
        if deadline_ns is not None:
            present.deadline_ns = deadline_ns
            self._sleepers.append(present)
        self._slept = self._slept or waits_for is SLEEP
        if self.recorder is not None:
            self.recorder.blocked(present, waits_for)
        self.disable(present)
        self._continue_with(self._next(present), present)
        present.waits_for = None
        self._forget_deadline(present)
        timed_out, present.timed_out = present.timed_out, False
        return timed_out

    def enable(self, task: Task) -> None:
        """Let a task run again, if it does not already."""
        if task.number not in self._ready:
            bisect.insort(self._ready, task.number)
            self._interrupt()

    def disable(self, task: Task) -> None:
        """Keep a task from running until `enable`."""
        if task.number in self._ready:
            self._ready.remove(task.number)
            self._interrupt()

    def choose_early(self) -> bool:
        """Decide whether a condition wakes the current task without a notify."""
        if not self.limits.early_wakeups or self._early_wakeups >= _EARLY_WAKEUPS_MAX:
            return False
        present = self.current
        self._interrupt()
        present.points += 1
        early = self._decide(present, (present.number, EARLY)) == EARLY
        self._grant()
        self._early_wakeups += early
        return early

    def choose_among(self, options: tuple[int, ...], first: int, met: int) -> int:
        """Decide which of several coroutine tasks makes the next step.

        Args:
            options: Their numbers, the stock order's choice first.
            first: The number of that choice.
            met: How often it was first in line.
        """
        if self._is_late:
            return first
        self._interrupt()
        moment = self._moment
        moment.task, moment.point = first, met
        moment.options, moment.default = options, first
        moment.passed = self._passed
        chosen = self._strategy.choose(moment)
        self._passed = 0
        if chosen != first:
            self._log.append((first, met, chosen))
        self._grant_nothing()
        return chosen

    def _grant_nothing(self) -> None:
        """Ask at the next point: the last answer was about something else."""
        if not self._alone:
            self._granted = self.left = 0
        else:
            self._grant()

    # Asking

    def _count(self, present: Task, *, at_point: bool) -> None:
        """Book the points since the last answer."""
        used = self._granted - self.left
        present.points += used
        self._points += used
        if not self._alone:
            self._passed += used - 1 if at_point else used
        if self._sleepers or not self._alone:
            self._turn += used
        self._granted = self.left = 0

    def _interrupt(self) -> None:
        """Take back what is left of the grant: the options have changed."""
        self._options = None
        if self._granted or self.left:
            self._count(self.current, at_point=False)

    def _next(self, present: Task) -> Task | None:
        """Return who runs now; None if nobody ever will."""
        if self._points >= self._stretch_end:
            self._become_late()
        if self.wants_steps:
            self._steps[present.number] = present.step
        tired = self._turn >= self._turn_max
        if tired:
            self._step_back(present)
        while True:
            options = self._options or self._find_options()
            if not options:
                if not self._time_passes():
                    return None
                continue
            if tired and len(options) > 1:
                options = tuple([o for o in options if o != present.number])
            chosen = options[0] if len(options) == 1 else self._decide(present, options)
            if chosen != CLOCK:
                return self.tasks[chosen]
            self._early_clock += 1
            self._stolen_ns -= self.clock.now_ns
            self._time_passes()
            self._stolen_ns += self.clock.now_ns
            self._options = None

    def _find_options(self) -> tuple[int, ...]:
        options = tuple(self._ready)
        if options and self._clock_may_move():
            options = (*options, CLOCK)
        self._options = options
        return options

    def _become_late(self) -> None:
        """Change to the rules of the second half: short turns, no strategy."""
        if self._is_late:
            self._fail_stuck()
        self._is_late = True
        self._turn_max = FAIR_TURN
        self._stretch_end = self.limits.points_max

    def _step_back(self, present: Task) -> None:
        """Give way, and let time creep for those who wait for a sleeper."""
        self._strategy.demote(present.number)
        self._step_backs += 1
        if self._alone or self._step_backs % _STEP_BACKS_PER_TICK == 0:
            self._time_passes()

    def _decide(self, present: Task, options: tuple[int, ...]) -> int:
        default = _default(present.number, options)
        if self._is_late:
            return default
        moment = self._moment
        moment.task = present.number
        moment.point = present.points
        moment.options = options
        moment.default = default
        moment.passed = self._passed
        chosen = self._strategy.choose(moment)
        self._passed = 0
        if chosen != default:
            self._log.append((present.number, present.points, chosen))
        return chosen

    def _grant(self) -> None:
        """Let the task run without asking for as long as everybody agrees."""
        options = self._options or self._find_options()
        alone = self._alone = len(options) == 1
        grant = FOREVER if alone or self._is_late else self._strategy.patience
        grant = min(grant, self._stretch_end - self._points)
        if self._sleepers or not alone:
            grant = min(grant, self._turn_max - self._turn - 1)
        self._granted = self.left = max(grant, 0)

    def _continue_with(self, following: Task | None, present: Task) -> None:
        if following is None:
            self._end_or_deadlock()
        if following is not present:
            self._turn = 0
            self.loops = LOOPS_PER_STEP_BACK
            self.current = following
            self._grant()
            self._handoff.switch(present, following)
            if self.over:
                self.leave()
        else:
            self._grant()

    # Time

    def _clock_may_move(self) -> bool:
        limits = self.limits
        if not (limits.sleepers_may_oversleep or limits.timeouts_may_fire):
            return False
        waiting = [task for task in self._sleepers if not task.timed_out]
        if not waiting or self._early_clock >= _EARLY_CLOCK_MAX:
            return False
        earliest = min(waiting, key=_deadline)
        if self._stolen_ns + _deadline(earliest) - self.clock.now_ns > _STOLEN_NS_MAX:
            return False
        return limits.timeouts_may_fire or earliest.waits_for is SLEEP

    def _time_passes(self) -> bool:
        """Jump to the next deadline and wake everybody due then."""
        waiting = [t for t in self._sleepers if not t.timed_out]
        if not waiting:
            return False
        self.clock.advance_to(min(_deadline(t) for t in waiting))
        for task in waiting:
            if _deadline(task) <= self.clock.now_ns:
                task.timed_out = True
                self.enable(task)
        return True

    def _forget_deadline(self, task: Task) -> None:
        if task.deadline_ns is not None:
            task.deadline_ns = None
            self._sleepers.remove(task)

    # The end

    def _live(self, task: Task, body: Callable[[], object]) -> Task | None:
        """Run a task from its first line to its last; return who runs next."""
        if not self.over:
            self._execute(task, body)
        self._count(task, at_point=False)
        task.ended = True
        task.points += 1
        if self.over:
            return None
        for joiner in task.joiners:
            self.enable(joiner)
        self.disable(task)
        return self._after(task)

    def _execute(self, task: Task, body: Callable[[], object]) -> None:
        try:
            body()
        except Unwind:
            return
        except (KeyboardInterrupt, CannotExploreError) as error:
            self._escaped = error
            self.over = True
        except SystemExit as error:
            if task.number == 0 and error.code not in (None, 0):
                self.record_failure(error)
        except BaseException as error:  # noqa: BLE001 - whatever ends a task is reported
            self.record_failure(error)

    def _after(self, ended: Task) -> Task | None:
        if all(task.ended or task.daemon for task in self.tasks):
            self.over = True
            return None
        try:
            following = self._next(ended) or self._end_or_deadlock()
        except Unwind:
            return None
        self._turn = 0
        self.loops = LOOPS_PER_STEP_BACK
        self.current = following
        self._grant()
        return following

    def record_failure(self, error: BaseException) -> None:
        """End the execution because of an exception that nobody caught."""
        if self.over:
            return  # a handler of the program tripped while it was unwound
        kind = Kind.ASSERTION if isinstance(error, AssertionError) else Kind.EXCEPTION
        self._fail(kind, str(error), error=type(error).__name__, cause=error)

    def _end_or_deadlock(self) -> NoReturn:
        self._fail(Kind.DEADLOCK, "Nobody can run, and nothing will change that.")
        raise Unwind

    def _fail_stuck(self) -> NoReturn:
        self._fail(Kind.LIVELOCK, "Everybody had many turns, and it did not end.")
        raise Unwind

    def _fail(
        self,
        kind: Kind,
        message: str,
        *,
        error: str = "",
        cause: BaseException | None = None,
    ) -> None:
        if self._failure is None:
            place = None
            if self.recorder is not None:
                place = self.recorder.failed(self.tasks, self.current, cause)
                self.recorder = None  # leaving the frames is not part of the story
            self._failure = Failure(
                kind=kind,
                message=message,
                task=self.current.number,
                error=error,
                place=place,
            )
        self.over = True
        self.left = self._granted = 0

    def leave(self) -> NoReturn:
        """Raise out of a task of an execution that is over.

        A task that catches everything in a loop would come back for ever; after
        a while it is left standing instead.
        """
        self.left = self._granted = 0
        self._unwinds += 1
        if self._unwinds > _UNWINDS_MAX:
            self._handoff.stop_for_good()
        raise Unwind

    def _unwind_leftovers(self) -> None:
        for task in self.tasks:
            if not task.ended:
                self.over = True
                self._unwinds = 0
                self.current = task
                self._handoff.unwind(task)
        for task in self.tasks:
            task.carrier = None


class _Sleep:
    """What a sleeping task waits for."""

    def __repr__(self) -> str:
        return "sleep"


SLEEP = _Sleep()


def _deadline(task: Task) -> int:
    return FOREVER if task.deadline_ns is None else task.deadline_ns


def _default(present: int, options: tuple[int, ...]) -> int:
    """Stay with the present task, or pass to the next one in order of creation."""
    if present in options:
        return present
    for option in options:
        if option > present:
            return option
    return options[0]
