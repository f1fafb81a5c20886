"""The one primitive below the controlled library: a lock.

`threading` builds conditions, events, semaphores, barriers and queues on it; they
are the standard library's own, executed again on top of this lock.

A task that waits for a lock can run exactly while the lock is free. Whoever takes
it first keeps the others waiting: no strategy spends choices on tasks that would
only find the lock taken.
"""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING, Any, ClassVar

from racecourse.engine.strategies.base import Step

if TYPE_CHECKING:
    from racecourse.engine.threads.scheduler import Scheduler
    from racecourse.engine.threads.task import Task

_UNLIMITED = -1.0


class Lock:
    """A controlled `_thread.lock`. Subclassed once to bind its scheduler."""

    scheduler: ClassVar[Scheduler]

    __slots__ = ("__weakref__", "_waiters", "heard", "held", "is_private", "owner")

    def __init__(self) -> None:
        self.held = False
        self.owner: Task | None = None
        """Who took it, for reports: another task may release it."""
        self.heard: Any = None
        """What the recorder knows of those who released it."""
        self.is_private = False
        """Whether only its maker can know it; true until it is first taken."""
        self._waiters: list[Task] = []
        recorder = self.scheduler.recorder
        if recorder is not None:
            recorder.lock_made(self)

    def acquire(self, blocking: bool = True, timeout: float = _UNLIMITED) -> bool:  # noqa: FBT001, FBT002 - the library's own signature
        """Take the lock, waiting for it unless told otherwise."""
        if timeout != _UNLIMITED:
            _check(blocking, timeout)
        scheduler = self.scheduler
        if not scheduler.running:
            return self._acquire_outside()
        if self.is_private:
            self.is_private = False
            self._take(scheduler.current)
            return True
        if scheduler.over and not self.held:
            self.held = True  # a `with` on the way out wants something to release
            return True
        if scheduler.wants_steps:
            scheduler.current.step = Step((id(self), "lock"), "lock", changes=True)
        if not self.held:
            scheduler.left -= 1
            if scheduler.left >= 0:
                self._take(scheduler.current)
                return True
        if not blocking or timeout == 0:
            return self._try_acquire()
        return self._wait(timeout)

    def _acquire_outside(self) -> bool:
        """Serve the library while it is being loaded, before anybody runs."""
        was_held, self.held = self.held, True
        return not was_held

    def _try_acquire(self) -> bool:
        scheduler = self.scheduler
        if self.held:
            scheduler.left -= 1
        if scheduler.left < 0:
            scheduler.ask()
        if self.held:
            return False
        self._take(scheduler.current)
        return True

    def _wait(self, timeout_s: float) -> bool:
        scheduler = self.scheduler
        present = scheduler.current
        deadline_ns = None
        if timeout_s != _UNLIMITED:
            deadline_ns = scheduler.clock.deadline_ns(timeout_s)
        present.timed_out = False
        self._waiters.append(present)
        try:
            if not self.held:
                self._stand_before(present)
            if self.held:
                scheduler.block(self, deadline_ns)
            if self.held:  # only its deadline lets a waiter run while it is held
                return False
        finally:
            self._waiters.remove(present)
        self._take(present)
        return True

    def _stand_before(self, present: Task) -> None:
        """Stand at the point before a free lock; if it is taken, wait there."""
        present.waits_for = self
        if self.scheduler.recorder is not None:
            self.scheduler.recorder.stands(present, self)
        self.scheduler.ask()
        present.waits_for = None

    def _take(self, present: Task) -> None:
        self.held = True
        self.owner = present
        present.step = None
        for task in self._waiters:
            if not task.timed_out:
                self.scheduler.disable(task)
        recorder = self.scheduler.recorder
        if recorder is not None:
            recorder.acquired(present, self)

    def release(self) -> None:
        """Free the lock; whoever waits for it can run."""
        if not self.held:
            raise RuntimeError("release unlocked lock")
        scheduler = self.scheduler
        if scheduler.recorder is not None and scheduler.running:
            scheduler.recorder.released(scheduler.current, self)
        self.held = False
        self.owner = None
        for task in self._waiters:
            scheduler.enable(task)

    def locked(self) -> bool:
        """Tell whether somebody holds the lock."""
        if self.scheduler.running:
            self.scheduler.point()
        return self.held

    def _is_owned(self) -> bool:
        """Answer a condition that asks; it would try to take the lock otherwise."""
        return self.held

    def _at_fork_reinit(self) -> None:
        self.held = False
        self.owner = None
        self._waiters.clear()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def __repr__(self) -> str:
        state = "locked" if self.held else "unlocked"
        return f"<{state} _thread.lock object at {id(self):#x}>"

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked


def _check(blocking: bool, timeout: float) -> None:  # noqa: FBT001 - as `acquire`
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call")
    if timeout < 0:
        raise ValueError("timeout value must be a non-negative number")
    if timeout > _thread.TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")
