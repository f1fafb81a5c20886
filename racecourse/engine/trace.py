"""The trace: what one execution did, in the order in which it did it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from racecourse.engine.failures import Failure, Waiting
    from racecourse.engine.sites import Place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that one task did at one line."""

    task: str
    place: Place
    action: str
    """In words, with its value if it is known: `reads self.value: 0`."""
    shared: bool
    """Whether another task could notice."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One execution, recorded."""

    failure: Failure | None
    tasks: tuple[str, ...]
    """Names, in the order in which the tasks were started."""
    events: tuple[Event, ...]
    waiting: tuple[Waiting, ...]
    """Who stood where at the end, if nobody could go on."""
