"""An asyncio loop on a virtual clock: waiting costs no real time.

Everything is the standard selector loop except its wait. Where that loop would sleep
until a timer is due or a file is ready, this one looks at the files once and, if none
is ready, moves the clock to the next timer. Three things may hold the clock back:

- a file: with sockets open, the loop gives the kernel a short real grace before it
  jumps, so that bytes already under way arrive first;
- an executor job: while one is in flight the clock stands still, whatever it costs;
- nothing left to wait for: after a bounded real wait that is a deadlock.

Every iteration also moves the clock by one microsecond. Without it, code that re-arms
a timer for "the instant my interval is over" can meet the same instant for ever.

Threads that the submission starts by itself are not executor jobs: the clock does not
wait for them.
"""

from __future__ import annotations

import asyncio
import selectors
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from racecourse.engine.task_waits import waits_of
from racecourse.engine.virtual_clock import NS_PER_S, BlockingSleep, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from racecourse.engine.task_waits import TaskWait

T = TypeVar("T")
_Events = list[tuple[selectors.SelectorKey, int]]

TICK_NS = 1_000
ITERATION_LIMIT = 200_000


class LoopStuckError(RuntimeError):
    """The loop cannot finish; `waits` tells where each unfinished task stands."""

    def __init__(self, why: str, waits: tuple[TaskWait, ...]) -> None:
        super().__init__("; ".join([why, *map(str, waits)]))
        self.why = why
        self.waits = waits


class LoopDeadlockError(LoopStuckError):
    """Nothing is scheduled and nothing arrives: no task can ever run again."""


class LoopLivelockError(LoopStuckError):
    """The loop turned more often than its limit without finishing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopReport:
    """What the loop's exception handler was told, as text: it keeps nothing alive."""

    message: str
    error: str  # "ValueError: boom", or empty
    task: str  # the name of the task concerned, or empty


class _Selector(selectors.DefaultSelector):
    """The system's selector, whose wait is decided by the loop that owns it."""

    def __init__(self) -> None:
        super().__init__()
        self.wait: Callable[[float | None], _Events] = self.really_wait

    def select(self, timeout: float | None = None) -> _Events:
        return self.wait(timeout)

    def really_wait(self, timeout: float | None) -> _Events:
        return super().select(timeout)

    def watches_files(self) -> bool:
        return len(self.get_map()) > 1  # one is the loop's own wake-up pipe


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector loop whose timers take no real time and fire in the usual order.

    `time()` is the clock's, in seconds, and does not begin at zero.

    Attributes:
        clock: What the loop moves; may be shared with other loops, one after another.
        iterations: Iterations begun so far.
        jumps: How often the clock was moved to a timer.
        blocking_sleeps: Every `time.sleep` on the loop's thread under `moved_clocks`.
            The clock moved by that much, at once: no other task ran meanwhile.
        reports: Every call of the exception handler, whether or not the submission
            has set its own.
    """

    def __init__(
        self,
        clock: VirtualClock | None = None,
        *,
        grace_s: float = 0.001,
        patience_s: float = 1.0,
        job_patience_s: float = 8.0,
        iteration_limit: int = ITERATION_LIMIT,
    ) -> None:
        """Create the loop.

        Args:
            clock: The clock to move; a new one if omitted.
            grace_s: Real seconds that open files get before each jump.
            patience_s: Real seconds without any event that make a deadlock.
            job_patience_s: Likewise while an executor job is in flight.
            iteration_limit: More iterations than this are a livelock.
        """
        selector = _Selector()
        super().__init__(selector)
        selector.wait = self._wait
        self.clock = clock or VirtualClock()
        self.iterations = 0
        self.jumps = 0
        self.blocking_sleeps: list[BlockingSleep] = []
        self.reports: list[LoopReport] = []
        self.iteration_limit = iteration_limit
        self._files = selector
        self._grace_s = grace_s
        self._patience_s = patience_s
        self._job_patience_s = job_patience_s
        self._jobs = 0
        self._hooks: list[tuple[int, Callable[[], object]]] = []

    def time(self) -> float:
        """Tell the virtual time in seconds."""
        return self.clock.now_s()

    def at_iteration(self, further: int, callback: Callable[[], object]) -> None:
        """Call `callback` once, when exactly `further` more iterations are over.

        The current iteration counts as not begun: 0 means before the next one. The
        call is made between two iterations, on the loop's thread; what it raises ends
        the run. Jumps of the clock are iterations like any other. When nothing else
        is left to wait for, the loop turns idly until the call is due.

        Raises:
            ValueError: If `further` is negative.
        """
        if further < 0:
            raise ValueError(f"cannot call back {-further} iterations ago")
        self._hooks.append((self.iterations + further, callback))

    def blocked(self, sleep: BlockingSleep) -> None:
        """Record a blocking sleep and let its time pass."""
        self.blocking_sleeps.append(sleep)
        self.clock.advance(round(sleep.seconds * NS_PER_S))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Record the report; then tell the submission's own handler, if it has one."""
        self.reports.append(_report(context))
        if self.get_exception_handler() is not None:
            super().call_exception_handler(context)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., T], *args: object
    ) -> asyncio.Future[T]:
        """Run `func` as the standard loop does; the clock stands still meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        self._jobs += 1
        future.add_done_callback(self._job_ended)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109, ARG002
        """Wait for the default executor, in real time, at most the job patience.

        `timeout` is ignored: on this clock it would be over at once.
        """
        self._jobs += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._jobs -= 1

    def _job_ended(self, _: asyncio.Future[Any]) -> None:
        self._jobs -= 1

    def _wait(self, timeout: float | None) -> _Events:
        """Stand in for the wait of one iteration; asyncio passes the next timer."""
        due_ns = self.clock.now_ns + round((timeout or 0) * NS_PER_S)
        if self._call_hooks():
            timeout = 0  # they may have made a task ready; asyncio did not know
        self._begin_iteration()
        events = self._files.really_wait(0)
        if events or timeout == 0:
            return events
        if self._jobs:
            return self._wait_for_job()
        if timeout is None:
            return self._wait_for_anything()
        return self._wait_for_files() or self._jump(due_ns)

    def _begin_iteration(self) -> None:
        self.iterations += 1
        self.clock.advance(TICK_NS)
        if self.iterations > self.iteration_limit:
            raise LoopLivelockError(
                f"no end after {self.iteration_limit} loop iterations", waits_of(self)
            )

    def _call_hooks(self) -> bool:
        due = [hook for hook in self._hooks if hook[0] <= self.iterations]
        for hook in due:
            self._hooks.remove(hook)
            hook[1]()
        return bool(due)

    def _wait_for_job(self) -> _Events:
        events = self._files.really_wait(self._job_patience_s)
        if not events:
            raise LoopDeadlockError(
                f"an executor job did not come back in {self._job_patience_s:g} s",
                waits_of(self),
            )
        return events

    def _wait_for_anything(self) -> _Events:
        if self._hooks:
            return self._wait_for_files()
        events = self._files.really_wait(self._patience_s)
        if not events:
            raise LoopDeadlockError(
                "nothing is scheduled and nothing arrives", waits_of(self)
            )
        return events

    def _wait_for_files(self) -> _Events:
        if not self._grace_s or not self._files.watches_files():
            return []
        return self._files.really_wait(self._grace_s)

    def _jump(self, due_ns: int) -> _Events:
        self.clock.advance_to(due_ns)
        self.jumps += 1
        return []


def _report(context: dict[str, Any]) -> LoopReport:
    error = context.get("exception")
    task = context.get("task") or context.get("future")
    return LoopReport(
        message=str(context.get("message", "")),
        error="" if error is None else f"{type(error).__name__}: {error}",
        task=task.get_name() if isinstance(task, asyncio.Task) else "",
    )
