"""What an execution can end with."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from racecourse.engine.sites import Place


class CannotExploreError(Exception):
    """The program cannot be run at all; the message says why, for its author."""


class NotUnderControlError(CannotExploreError):
    """The program needs something that the engine cannot schedule."""


class Kind(enum.Enum):
    """Why an execution counts as proof of a mistake."""

    ASSERTION = "assertion"
    """The program's own `assert` did not hold."""
    EXCEPTION = "exception"
    """An exception ended the program or one of its tasks."""
    DEADLOCK = "deadlock"
    """Nobody can run, and no clock will change that."""
    LIVELOCK = "livelock"
    """Everybody had many turns, and the program still did not end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How an execution failed."""

    kind: Kind
    message: str
    task: int
    """Task in which it showed."""
    error: str = ""
    """Name of the exception's class; empty for deadlock and livelock."""
    place: Place | None = None
    """The innermost line of the program that was being executed."""

    def resembles(self, other: Failure | None) -> bool:
        """Tell whether both fail in the same way, wherever and with whatever numbers."""
        return (
            other is not None and self.kind is other.kind and self.error == other.error
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A task that stands still, for the report of a deadlock."""

    task: str
    place: Place | None
    waits_for: str
    """In words: `the lock made at bank.py:4`, `Queue.get`."""
    held_by: str = ""
    """Name of the task that would have to act first, if one is known."""
    held_since: Place | None = None
