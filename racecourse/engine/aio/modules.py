# ruff: noqa: SLF001 - this is about the insides of the standard library
"""`asyncio`, executed once more on the controlled `threading` and `time`.

Its C half is hidden, so that tasks and futures are the library's Python ones: they
keep the running loop in the controlled `threading.local`, and a program may mix
coroutines and threads. The exceptions are the installed ones, shared with everybody.
"""

from __future__ import annotations

import asyncio.exceptions
import itertools
import logging
import signal
import types
from typing import TYPE_CHECKING, Any

from racecourse.engine.aio.loop import make_loop_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racecourse.engine.threads.library import Library
    from racecourse.engine.threads.scheduler import Scheduler

HIDDEN = frozenset({"_asyncio"})
"""Modules that the library must not find."""


def stand_ins() -> dict[str, types.ModuleType]:
    """Return what `asyncio` shall find in place of the installed modules."""
    log = types.ModuleType("asyncio.log")
    silent = logging.Logger("asyncio")  # noqa: LOG001 - nobody shall find it by name
    silent.disabled = True
    vars(log)["logger"] = silent
    signals = types.ModuleType("signal")
    # A runner that sees no handler leaves Ctrl-C to whoever explores.
    vars(signals).update(vars(signal), getsignal=lambda _number: None)
    return {
        "asyncio.exceptions": asyncio.exceptions,
        "asyncio.log": log,
        "signal": signals,
    }


class Asyncio:
    """The loaded package and what it keeps between executions."""

    def __init__(self, library: Library, scheduler: Scheduler) -> None:
        self.package = library.find("asyncio")
        names = {
            name: vars(library.find(f"asyncio.{name}"))
            for name in ("events", "tasks", "base_events", "unix_events", "futures")
        }
        self._events = names["events"]
        self._tasks = names["tasks"]
        loop_class = make_loop_class(
            names["base_events"]["BaseEventLoop"], names["tasks"]["Task"], scheduler
        )
        _keep_running_loop_on_tasks(self._events, scheduler)
        policy = names["unix_events"]["_UnixDefaultEventLoopPolicy"]
        policy._loop_factory = loop_class
        vars(self.package)["SelectorEventLoop"] = loop_class
        library.number(names["futures"]["Future"])

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine as `asyncio.run` does."""
        return vars(self.package)["run"](coroutine)

    def reset(self) -> None:
        """Forget the last execution."""
        self._events["_event_loop_policy"] = None
        tasks: Mapping[str, Any] = self._tasks
        for name in ("_all_tasks", "_scheduled_tasks", "_eager_tasks"):
            if name in tasks:
                tasks[name].clear()
        tasks["_current_tasks"].clear()
        self._tasks["_task_name_counter"] = itertools.count(1).__next__


def _keep_running_loop_on_tasks(events: dict[str, Any], scheduler: Scheduler) -> None:
    """Answer who runs here from the task: asked at every step, it must be fast."""

    def get() -> Any:
        return scheduler.current.running_loop

    def set_(loop: Any) -> None:
        scheduler.current.running_loop = loop

    events["_get_running_loop"] = get
    events["_set_running_loop"] = set_
