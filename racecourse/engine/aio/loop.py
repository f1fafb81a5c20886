# ruff: noqa: SLF001 - this is about the insides of the standard library
"""The event loop: no selector, the virtual clock, and task steps in any order.

Only steps of tasks are permuted. Plain callbacks keep their place: that `call_soon`
is first in, first out, is documented, and programs may rely on it. The schedule
without decisions is the stock order. A timer may change places with the next one only
if the limits allow it: what it stands for, a download, say, may take longer than
planned.

A loop with nothing to do blocks like a thread; a timer, or a callback from another
thread, lets it go on. A deadlock of coroutines is therefore found by the same rule
as one of threads.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from racecourse.engine.threads.clock import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racecourse.engine.threads.scheduler import Scheduler

FIRST_NUMBER = 1_000
"""Coroutine tasks are numbered from here, out of the way of threads."""

VICTIM = "victim"
"""Name of the task that is cancelled at each of its suspensions in turn."""

_LATER_S = 1e-6
"""How long after the next timer a late one fires: more than reading the clock takes."""

_STEPS = frozenset({"__step", "__wakeup"})
"""Methods of a task that make its next step; `cancel`, say, is none."""


def make_loop_class(base: Any, task_class: Any, scheduler: Scheduler) -> Any:
    """Return a loop class over the re-executed `BaseEventLoop`."""
    fixed = {"_rc_scheduler": scheduler, "_rc_task_class": task_class}
    return type("ControlledLoop", (_Controlled, base), fixed)


class _Controlled:
    """What `asyncio.run` creates in a program under control.

    The other base, an event loop, is only known at run time. Names that begin with
    `_rc` are ours, all others are of asyncio.
    """

    _rc_scheduler: Scheduler
    _rc_task_class: Any
    _ready: Any
    _scheduled: Any
    _stopping: bool
    _timer_cancelled_count: int
    _clock_resolution: float
    call_soon: Any

    def __init__(self) -> None:
        super().__init__()
        self._rc_waiter: Any = None
        self._rc_numbers: dict[Any, int] = {}
        self._rc_heads: dict[int, int] = {}

    def __str__(self) -> str:
        return "its event loop"

    def time(self) -> float:
        return self._rc_scheduler.clock.read_ns() / NS_PER_S

    def waiting_tasks(self) -> Iterator[Any]:
        """Generate the tasks that are not done, in order of their first step."""
        return (task for task in self._rc_numbers if not task.done())

    def _process_events(self, _events: object) -> None:
        """Do nothing: there is no selector."""

    def _write_to_self(self) -> None:
        """Wake the loop from another thread."""
        if self._rc_waiter is not None:
            self._rc_scheduler.enable(self._rc_waiter)

    def _run_once(self) -> None:
        if self._rc_scheduler.over:
            self._rc_scheduler.leave()
        self._drop_cancelled_timers()
        if not self._ready and not self._stopping:
            self._wait()
        self._collect_due_timers()
        for _ in range(len(self._ready)):
            if self._ready:
                self._run_handle(self._take_handle())

    def _drop_cancelled_timers(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(self._scheduled)._scheduled = False

    def _wait(self) -> None:
        deadline_ns = None
        if self._scheduled:
            deadline_ns = round(self._scheduled[0]._when * NS_PER_S)
        self._rc_waiter = self._rc_scheduler.current
        try:
            self._rc_scheduler.block(self, deadline_ns)
        finally:
            self._rc_waiter = None

    def _collect_due_timers(self) -> None:
        end = self.time() + self._clock_resolution
        while self._scheduled and self._scheduled[0]._when < end:
            handle = heapq.heappop(self._scheduled)
            if self._is_late(handle, end):
                heapq.heappush(self._scheduled, handle)
                continue
            handle._scheduled = False
            self._ready.append(handle)

    def _is_late(self, handle: Any, end: float) -> bool:
        """Let a timer fire after the next one, if that is allowed and chosen."""
        later = self._scheduled[0]._when if self._scheduled else end
        if handle._cancelled or later <= end:
            return False
        moved = later + _LATER_S
        if not self._rc_scheduler.choose_late(round((moved - handle._when) * NS_PER_S)):
            return False
        handle._when = moved
        return True

    def _take_handle(self) -> Any:
        """Take the first handle, or, if it is a step, any step that is ready."""
        head = _stepping(self._ready[0], self._rc_task_class)
        if head is None or len(self._ready) == 1:
            return self._ready.popleft()
        places: dict[int, int] = {}
        for place, handle in enumerate(self._ready):
            task = _stepping(handle, self._rc_task_class)
            if task is not None:
                places.setdefault(self._rc_number(task), place)
        first = self._rc_number(head)
        met = self._rc_heads[first] = self._rc_heads.get(first, 0) + 1
        chosen = first
        if len(places) > 1:
            chosen = self._rc_scheduler.choose_among(tuple(places), first, met)
        handle = self._ready[places[chosen]]
        del self._ready[places[chosen]]
        return handle

    def _run_handle(self, handle: Any) -> None:
        if handle._cancelled:
            return
        self._rc_scheduler.point()
        task = _stepping(handle, self._rc_task_class)
        if task is None:
            handle._run()
            return
        carrier = self._rc_scheduler.current
        name, actor = carrier.name, carrier.actor
        carrier.name, carrier.actor = task.get_name(), self._rc_number(task)
        try:
            handle._run()
        finally:
            carrier.name, carrier.actor = name, actor
        if task.get_name() == VICTIM and not task.done():
            self._suspended(task)

    def _suspended(self, victim: Any) -> None:
        self._rc_scheduler.suspensions += 1
        if self._rc_scheduler.suspensions == self._rc_scheduler.limits.cancel_at:
            self.call_soon(victim.cancel)

    def _rc_number(self, task: Any) -> int:
        number = self._rc_numbers.get(task)
        if number is None:
            number = FIRST_NUMBER + len(self._rc_numbers)
            self._rc_numbers[task] = number
        return number


def _stepping(handle: Any, task_class: Any) -> Any:
    """Return the task whose next step a handle is; None for a plain callback."""
    callback = handle._callback
    owner = getattr(callback, "__self__", None)
    steps = isinstance(owner, task_class) and callback.__name__ in _STEPS
    return owner if steps else None
