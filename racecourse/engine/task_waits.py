"""Where a suspended task stands: the lines of the awaits it is inside.

A coroutine links to what it awaits, which links on, down to a future. Reading the
links costs nothing until somebody asks, and needs no tracing.
"""

from __future__ import annotations

import asyncio
import gc
import sysconfig
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBRARY_ROOTS = tuple(
    sysconfig.get_path(name) + "/" for name in ("stdlib", "purelib", "platlib")
)
_LINKS = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFrame:
    """One await on the way from a task to what it waits for."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWait:
    """A task that has not ended, and the awaits it is inside, outermost first.

    A task that has not started yet stands at the `def` line of its coroutine.
    """

    task: str
    frames: tuple[AwaitFrame, ...]

    @property
    def where(self) -> AwaitFrame | None:
        """The innermost await outside the standard library and installed packages.

        Inside them only when the task knows no other; None if it has no Python line.
        """
        own = [f for f in self.frames if not f.file.startswith(_LIBRARY_ROOTS)]
        candidates = own or self.frames
        return candidates[-1] if candidates else None

    def within(self, file: str) -> AwaitFrame | None:
        """Return the innermost await in `file`, or None if the task is not in it."""
        return next((f for f in reversed(self.frames) if f.file == file), None)

    def __str__(self) -> str:
        return f"{self.task} at {self.where or 'no Python line'}"


def waits_of(loop: asyncio.AbstractEventLoop) -> tuple[TaskWait, ...]:
    """List every unfinished task of `loop`, in the order of their automatic names."""
    tasks = asyncio.all_tasks(loop)
    return tuple(sorted(map(wait_of, tasks), key=lambda w: (len(w.task), w.task)))


def wait_of(task: asyncio.Task[Any]) -> TaskWait:
    """Tell where `task` stands. It must not be running at this moment."""
    return TaskWait(task=task.get_name(), frames=tuple(_frames(task.get_coro())))


def _frames(awaited: object) -> Iterator[AwaitFrame]:
    while awaited is not None:
        link = awaited if isinstance(awaited, _LINKS) else _wrapped_link(awaited)
        if link is None:
            return
        frame, awaited = _step(link)
        if frame is not None:
            yield AwaitFrame(
                file=frame.f_code.co_filename,
                line=frame.f_lineno,
                function=frame.f_code.co_name,
            )


def _wrapped_link(awaited: object) -> object | None:
    """Look inside the C wrappers around a coroutine or an asynchronous generator.

    `agen.__anext__()` and `coro.__await__()` return objects that hold the frame's
    owner but name it nowhere; the garbage collector knows. A future's iterator holds
    only the future, so the walk ends there and does not cross into another task.
    """
    return next((o for o in gc.get_referents(awaited) if isinstance(o, _LINKS)), None)


def _step(link: Any) -> tuple[types.FrameType | None, object]:
    match link:
        case types.CoroutineType():
            return link.cr_frame, link.cr_await
        case types.AsyncGeneratorType():
            return link.ag_frame, link.ag_await
        case _:
            return link.gi_frame, link.gi_yieldfrom
