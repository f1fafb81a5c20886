"""Schedules: what was decided in one execution, and how to write it down.

Only decisions that differ from the default are kept. The default lets the
running task run on, and hands over to the next task in order of creation when
it cannot. A schedule is therefore empty for the plain serial run, and the
number of its decisions is a fair measure of how complicated it is.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CLOCK = -1
"""Chosen in place of a task: time passes although somebody could run."""

EARLY = -2
"""Chosen in place of a task: a condition wakes its waiter without a notify."""

LATE = -3
"""Chosen in place of a task: a timer of its event loop fires later than the next."""

_TOKEN_PREFIX = "rc1."  # noqa: S105 - no secret


class BadTokenError(ValueError):
    """The text is not a replay token of this version."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Decision:
    """At its `point`-th preemption point, `task` gave way to `chosen`."""

    task: int
    """Number of the task that stood at the point; tasks count from 0."""
    point: int
    """How many points this task had met, its own end included."""
    chosen: int
    """Task that ran instead, or `CLOCK`, `EARLY` or `LATE`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The decisions of one execution that differ from the default, in order."""

    decisions: tuple[Decision, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int]]) -> Schedule:
        """Build a schedule from (task, point, chosen) rows."""
        return cls(
            decisions=tuple(Decision(task=t, point=p, chosen=c) for t, p, c in rows)
        )

    def rows(self) -> tuple[tuple[int, int, int], ...]:
        """Return the (task, point, chosen) rows that `of` reads."""
        return tuple((d.task, d.point, d.chosen) for d in self.decisions)

    def __len__(self) -> int:
        return len(self.decisions)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one execution may use."""

    points_max: int = 20_000
    cancel_at: int = 0
    """Suspension at which the task named "victim" is cancelled; 0 for never."""
    sleepers_may_oversleep: bool = False
    """Whether time may pass while somebody could run, up to the end of a sleep."""
    timeouts_may_fire: bool = False
    """The same, up to the end of any wait with a timeout."""
    early_wakeups: bool = False
    """Whether a condition may wake its waiter without a notify."""
    timers_may_be_late: bool = False
    """Whether a timer of an event loop may fire after one that is due later."""

    @classmethod
    def of(cls, values: Sequence[Any]) -> Limits:
        """Build limits from the values of their fields, in order."""
        points_max, cancel_at, *flags = values
        oversleep, fire, early, late = (bool(flag) for flag in flags)
        return cls(
            points_max=int(points_max),
            cancel_at=int(cancel_at),
            sleepers_may_oversleep=oversleep,
            timeouts_may_fire=fire,
            early_wakeups=early,
            timers_may_be_late=late,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that is needed to see one execution again, except the program itself."""

    schedule: Schedule
    every_site: bool = False
    """True if every access was a preemption point, not only the shared ones."""
    limits: Limits = Limits()
    """What was allowed; a schedule means nothing under other rules."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a program is found: its files and the function that starts it."""

    path: str
    function: str
    modules: tuple[tuple[str, str], ...] = ()
    """(name, path) of each further file that is rewritten with it."""
    digest: str = ""
    """Fingerprint of all sources; a schedule means nothing for other text."""


def default_choice(present: int, options: tuple[int, ...]) -> int:
    """Stay with the present task, or pass to the next one in order of creation."""
    if present in options:
        return present
    for option in options:
        if option > present:
            return option
    return options[0]


def write_token(recipe: Recipe, address: Address) -> str:
    """Return a text, safe in a shell and a URL, from which `read_token` reads both."""
    body = {
        "s": recipe.schedule.rows(),
        "e": recipe.every_site,
        "p": address.path,
        "f": address.function,
        "m": address.modules,
        "d": address.digest,
        "l": dataclasses.astuple(recipe.limits),
    }
    text = json.dumps(body, separators=(",", ":")).encode()
    packed = base64.urlsafe_b64encode(zlib.compress(text, 9)).decode()
    return _TOKEN_PREFIX + packed.rstrip("=")


def read_token(token: str) -> tuple[Recipe, Address]:
    """Return what `write_token` was given.

    Raises:
        BadTokenError: If the text was cut short, altered, or made by something else.
    """
    if not token.startswith(_TOKEN_PREFIX):
        raise BadTokenError(f"A replay token begins with {_TOKEN_PREFIX!r}.")
    packed = token.removeprefix(_TOKEN_PREFIX)
    try:
        padded = packed + "=" * (-len(packed) % 4)
        body = json.loads(zlib.decompress(base64.urlsafe_b64decode(padded)))
        recipe = Recipe(
            schedule=Schedule.of(tuple(row) for row in body["s"]),
            every_site=bool(body["e"]),
            limits=Limits.of(body["l"]),
        )
        address = Address(
            path=body["p"],
            function=body["f"],
            modules=tuple((name, path) for name, path in body["m"]),
            digest=body["d"],
        )
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError) as error:
        raise BadTokenError("The replay token is damaged.") from error
    return recipe, address
