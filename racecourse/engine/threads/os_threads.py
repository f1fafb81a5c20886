"""Handing over between tasks with OS threads: the same schedules, some fifty times slower.

For programs that mind which OS thread they are on, and for C extensions that do not
survive greenlets. One thread runs at any time, as with greenlets: each waits for its
own wake-up, and whoever stops gives the next one theirs.
"""

from __future__ import annotations

import _thread
import contextvars
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from racecourse.engine.threads.task import Task


class _Carrier:
    """What a task's thread waits for."""

    __slots__ = ("dropped", "entered", "wake_up")

    def __init__(self) -> None:
        self.entered = False
        self.dropped = False
        self.wake_up = _closed_lock()


class OSThreads:
    """A hand-off like `Greenlets`; see there for what the methods promise."""

    def __init__(self) -> None:
        self._hub = _closed_lock()

    def create(self, task: Task, body: Callable[[], Task | None]) -> None:
        """Give the task a thread, which waits for its first turn."""
        carrier = _Carrier()

        def run() -> None:
            carrier.wake_up.acquire()
            if carrier.dropped:
                return
            carrier.entered = True
            following = contextvars.Context().run(body)
            lock = self._hub if following is None else following.carrier.wake_up
            lock.release()

        task.carrier = carrier
        _thread.start_new_thread(run, ())

    def start(self, task: Task) -> None:
        """Run the first task; wait until everything has ended."""
        task.carrier.wake_up.release()
        self._hub.acquire()

    def switch(self, present: Task, following: Task) -> None:
        """Wake the other thread and wait."""
        mine = present.carrier.wake_up
        following.carrier.wake_up.release()
        mine.acquire()

    def stop_for_good(self) -> None:
        """Wake the hub and never run again; the thread is left standing."""
        self._hub.release()
        _closed_lock().acquire()

    def unwind(self, task: Task) -> None:
        """Give the thread a turn; the scheduler, being over, makes it leave."""
        if not task.carrier.entered:
            task.carrier.dropped = True
            task.carrier.wake_up.release()
            return
        task.carrier.wake_up.release()
        self._hub.acquire()


def _closed_lock() -> _thread.LockType:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
