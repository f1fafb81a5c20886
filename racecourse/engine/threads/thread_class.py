# ruff: noqa: SLF001 - this is about the insides of the standard library
"""`threading.Thread`, made native: a start is one point, a join is one wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types

    from racecourse.engine.threads.scheduler import Scheduler
    from racecourse.engine.threads.task import Task


def make_threads_native(  # noqa: C901 - four methods over one namespace
    threading: types.ModuleType, scheduler: Scheduler
) -> None:
    """Give the re-executed `Thread` a start, a join and a pulse of its own."""
    namespace = vars(threading)
    active = namespace["_active"]
    default_hook = namespace["excepthook"]

    def start(self: Any) -> None:
        _require_constructed(self)
        if self._started._flag:
            raise RuntimeError("threads can only be started once")
        self._started._flag = True
        task = scheduler.spawn(
            lambda: boot(self), name=self._name, daemon=self._daemonic
        )
        self._ident = self._native_id = task.number + 1
        self._rc_task = task
        if hasattr(self, "_handle"):
            self._handle.task = task
        active[self._ident] = self
        scheduler.point()

    def boot(thread: Any) -> None:
        try:
            thread.run()
        except Exception as error:
            hook = namespace["excepthook"]
            if hook is default_hook:
                raise
            details = (type(error), error, error.__traceback__, thread)
            hook(namespace["ExceptHookArgs"](details))
        finally:
            active.pop(thread._ident, None)
            thread._is_stopped = True

    def join(self: Any, timeout: float | None = None) -> None:
        _require_constructed(self)
        task: Task | None = getattr(self, "_rc_task", None)
        if task is None:
            raise RuntimeError("cannot join thread before it is started")
        if task is scheduler.current:
            raise RuntimeError("cannot join current thread")
        wait_for_end(scheduler, task, timeout)

    def is_alive(self: Any) -> bool:
        _require_constructed(self)
        task: Task | None = getattr(self, "_rc_task", None)
        if task is None:
            return bool(self._started._flag)  # the main thread has no start
        scheduler.point()
        return not task.ended

    for method in (start, join, is_alive):
        setattr(namespace["Thread"], method.__name__, method)


def _require_constructed(thread: Any) -> None:
    if not thread._initialized:
        raise RuntimeError("thread.__init__() not called")


def wait_for_end(scheduler: Scheduler, task: Task, timeout_s: float | None) -> None:
    """Let the current task wait until another one has ended, or the time is up."""
    present = scheduler.current
    if not task.ended:
        deadline_ns = None
        if timeout_s is not None:
            deadline_ns = scheduler.clock.deadline_ns(timeout_s)
        task.joiners.append(present)
        scheduler.block(task, deadline_ns)
        task.joiners.remove(present)
    if task.ended and scheduler.recorder is not None:
        scheduler.recorder.joined(present, task)
