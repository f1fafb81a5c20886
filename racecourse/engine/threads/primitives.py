"""The modules at the bottom: `_thread` and `time`, on the scheduler."""

from __future__ import annotations

import _thread
import time
import types
from typing import TYPE_CHECKING, Any

from racecourse.engine.threads.clock import NS_PER_S
from racecourse.engine.threads.lock import Lock
from racecourse.engine.threads.sleepers import SLEEP
from racecourse.engine.threads.thread_class import wait_for_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racecourse.engine.threads.scheduler import Scheduler
    from racecourse.engine.threads.task import Task

_HIDDEN = frozenset({"RLock", "_local"})
"""C versions of what `threading` can also build itself, from the lock."""


def make_thread_module(scheduler: Scheduler) -> types.ModuleType:
    """Return a `_thread` whose locks and threads obey the scheduler."""
    module = types.ModuleType("_thread")
    module.__dict__.update({k: v for k, v in vars(_thread).items() if k not in _HIDDEN})
    names = {"scheduler": scheduler, "__slots__": (), "__module__": "_thread"}
    lock_class = type("lock", (Lock,), names)
    lock_class.__init_subclass__ = _refuse_subclass  # type: ignore[assignment]

    def get_ident() -> int:
        return scheduler.current.number + 1

    def start_new_thread(
        function: Callable[..., object],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> int:
        task = scheduler.spawn(
            lambda: function(*args, **(kwargs or {})),
            name=f"thread {len(scheduler.tasks)}",
            daemon=True,  # the interpreter does not wait for a bare thread
        )
        scheduler.point()
        return task.number + 1

    def start_joinable_thread(
        function: Callable[[], object],
        handle: ThreadHandle | None = None,
        daemon: bool = True,  # noqa: FBT001, FBT002 - the library's own signature
    ) -> ThreadHandle:
        handle = handle or ThreadHandle(scheduler)
        if handle.task is not None:
            raise RuntimeError("thread already started")
        name = f"thread {len(scheduler.tasks)}"
        handle.task = scheduler.spawn(function, name=name, daemon=daemon)
        scheduler.point()
        return handle

    def make_handle(_ident: int = 0) -> ThreadHandle:
        return ThreadHandle(scheduler)

    def count() -> int:
        scheduler.point()
        return sum(not task.ended for task in scheduler.tasks[1:])

    for function in (get_ident, start_new_thread, start_joinable_thread, count):
        function.__module__ = "_thread"
    module.__dict__.update(
        _count=count,
        allocate_lock=lock_class,
        allocate=lock_class,
        LockType=lock_class,
        lock=lock_class,
        get_ident=get_ident,
        get_native_id=get_ident,
        start_new_thread=start_new_thread,
        start_new=start_new_thread,
        _set_sentinel=lock_class,
        start_joinable_thread=start_joinable_thread,
        _ThreadHandle=make_handle,
        _make_thread_handle=make_handle,
        _get_main_thread_ident=lambda: 1,
        _shutdown=lambda: None,
    )
    return module


@classmethod  # type: ignore[misc]
def _refuse_subclass(_cls: type) -> None:
    raise TypeError("type '_thread.lock' is not an acceptable base type")


class ThreadHandle:
    """What Python 3.13 keeps of a thread; `Thread` here only asks whether it ended."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.task: Task | None = None
        self.is_set_done = False

    @property
    def ident(self) -> int:
        """The number of the thread; 0 if it was not started."""
        return 0 if self.task is None else self.task.number + 1

    def is_done(self) -> bool:
        """Tell whether the thread has ended."""
        return self.is_set_done or (self.task is not None and self.task.ended)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        if self.task is self._scheduler.current:
            raise RuntimeError("Cannot join current thread")
        task = self._started()
        if not self.is_set_done:
            wait_for_end(self._scheduler, task, timeout)

    def _set_done(self) -> None:
        self._started()
        self.is_set_done = True

    def _started(self) -> Task:
        if self.task is None:
            raise RuntimeError("thread not started")
        return self.task


def make_time_module(scheduler: Scheduler) -> types.ModuleType:
    """Return a `time` whose clocks are the virtual one."""
    module = types.ModuleType("time")
    module.__dict__.update(vars(time))

    def sleep(seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        if seconds == 0:
            scheduler.point()
        else:
            scheduler.block(SLEEP, scheduler.clock.deadline_ns(seconds))

    def read_ns() -> int:
        return scheduler.clock.read_ns()

    def read() -> float:
        return scheduler.clock.read_ns() / NS_PER_S

    clocks = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
    module.__dict__["sleep"] = sleep
    for name in clocks:
        module.__dict__[name] = read
        module.__dict__[f"{name}_ns"] = read_ns
    return module
