"""Handing over between tasks with greenlets: a third of a microsecond.

All tasks live on the one OS thread that explores. The hub is the greenlet from
which the exploration was called; it runs only before the first task and after the
last one.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Protocol

import greenlet  # type: ignore[import-untyped]  # it ships no types

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


class _Carrier(greenlet.greenlet):  # type: ignore[misc]
    """A greenlet that lives one task after another.

    Entering a new greenlet makes the interpreter map memory for its frames, which
    costs more than everything else about a task.
    """

    body: Callable[[], Task | None] | None
    entered: bool

    def __init__(self, hub: greenlet.greenlet, idle: list[_Carrier]) -> None:
        super().__init__(parent=hub)
        self._hub = hub
        self._idle = idle

    def run(self, *_: object) -> None:
        self._hub.switch()  # entered, it waits there for its first task
        while True:
            self.entered = True
            # A thread begins with an empty context; so does a task.
            following = contextvars.Context().run(self._take_body())
            self._idle.append(self)
            (self._hub if following is None else following.carrier).switch()

    def _take_body(self) -> Callable[[], Task | None]:
        """Return the body and forget it: what a thread ran is freed when it ends."""
        body, self.body = self.body, None
        assert body is not None  # noqa: S101 - `create` comes before `start`
        return body


class Greenlets:
    """The hand-off of choice."""

    def __init__(self) -> None:
        self._hub = greenlet.getcurrent()
        self._idle: list[_Carrier] = []
        self._stuck: list[greenlet.greenlet] = []
        self._unentered: list[tuple[_Carrier, greenlet.greenlet]] = []
        """New greenlets, each with the one that asked for it."""

    def create(self, task: Task, body: Callable[[], Task | None]) -> None:
        """Give the task a greenlet."""
        carrier = self._idle.pop() if self._idle else self._make()
        carrier.body = body
        carrier.entered = False
        task.carrier = carrier

    def _make(self) -> _Carrier:
        """Return a new greenlet that was entered from the hub, whoever asks.

        A greenlet inherits the depth of the stack that enters it. Threads that start
        threads would otherwise reach the recursion limit after some thirty.
        """
        carrier = _Carrier(self._hub, self._idle)
        present = greenlet.getcurrent()
        if present is self._hub:
            carrier.switch()
        else:
            self._unentered.append((carrier, present))
            self._hub.switch()
        return carrier

    def start(self, task: Task) -> None:
        """Run the first task until everything has ended."""
        task.carrier.switch()
        self._enter_new()

    def _enter_new(self) -> None:
        """Serve those who came to the hub for a new greenlet, not to end."""
        while self._unentered:
            carrier, asking = self._unentered.pop()
            carrier.switch()
            asking.switch()

    def switch(self, present: Task, following: Task) -> None:  # noqa: ARG002 - OS threads need it
        """Continue in the other greenlet."""
        following.carrier.switch()

    def stop_for_good(self) -> None:
        """Continue in the hub, and never come back.

        The greenlet is kept: dropping it would run it once more.
        """
        self._stuck.append(greenlet.getcurrent())
        self._hub.switch()

    def unwind(self, task: Task) -> None:
        """Throw into the greenlet; a task that never ran has nothing to leave."""
        if task.carrier.entered:
            task.carrier.throw(Unwind)
            self._enter_new()  # a handler on its way out may start a thread
        else:
            self._idle.append(task.carrier)
