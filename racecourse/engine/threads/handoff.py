"""Handing over between tasks with greenlets: a third of a microsecond.

All tasks live on the one OS thread that explores. The hub is the greenlet from
which the exploration was called; it runs only before the first task and after the
last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import greenlet

from racecourse.engine.threads.task import Task, Unwind

if TYPE_CHECKING:
    from collections.abc import Callable


class Handoff(Protocol):
    """Carries tasks, one of which runs at any time."""

    def create(self, task: Task, body: Callable[[], Task | None]) -> None:
        """Give the task something to run on.

        The body returns who runs next when the task has ended; None for the hub.
        """
        ...

    def start(self, task: Task) -> None:
        """Run the first task; return when a body has returned None."""
        ...

    def switch(self, present: Task, following: Task) -> None:
        """Stop here and let `following` run; return when it is our turn again."""
        ...

    def stop_for_good(self) -> None:
        """Return to the hub from a task that will never run again."""
        ...

    def unwind(self, task: Task) -> None:
        """Called by the hub: make a task that has not ended leave its frames."""
        ...


class Greenlets:
    """The hand-off of choice."""

    def __init__(self) -> None:
        self._hub = greenlet.getcurrent()

    def create(self, task: Task, body: Callable[[], Task | None]) -> None:
        """Give the task a greenlet."""

        def run(*_: object) -> None:
            following = body()
            # A dying greenlet continues in its parent.
            carrier.parent = self._hub if following is None else following.carrier

        carrier = greenlet.greenlet(run, self._hub)
        task.carrier = carrier

    def start(self, task: Task) -> None:
        """Run the first task until everything has ended."""
        task.carrier.switch()

    def switch(self, present: Task, following: Task) -> None:
        """Continue in the other greenlet."""
        following.carrier.switch()

    def stop_for_good(self) -> None:
        """Continue in the hub."""
        self._hub.switch()

    def unwind(self, task: Task) -> None:
        """Throw into the greenlet; one that never started has nothing to leave."""
        if task.carrier:
            task.carrier.throw(Unwind)
