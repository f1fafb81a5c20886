"""The result of an exploration, as a value."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from racecourse.engine.explain import Row
    from racecourse.engine.failures import Failure, Waiting
    from racecourse.engine.schedule import Schedule
    from racecourse.engine.sites import Site


class Verdict(enum.Enum):
    """What an exploration came to."""

    FAILED = "failed"
    """A failing schedule was found, and it failed again when repeated."""
    NOTHING_FOUND = "nothing-found"
    """No failing schedule was found; `Report.statement` says what was tried."""
    UNREPEATABLE = "unrepeatable"
    """An execution failed, but not again: the program depends on something that is
    not under control, and no claim is made."""
    COULD_NOT_RUN = "could-not-run"
    """The program could not be explored; `Report.explanation` says why."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RaceReport:
    """Two places that touched the same thing without order, in the serial run."""

    first: Site
    second: Site

    def __str__(self) -> str:
        return (
            f"{self.first.label} in line {self.first.line} and {self.second.label} in "
            f"line {self.second.line} are not ordered by any lock, start or join"
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one exploration found."""

    verdict: Verdict
    runs: int
    """Executions up to the first failure, or all; shrinking is not counted."""
    statement: str
    """What was tried, as one may claim it: `every schedule with at most 2 delays was
    tried (412 runs), then 1600 random ones`."""
    failure: Failure | None = None
    schedule: Schedule | None = None
    """The shrunk failing schedule."""
    token: str = ""
    """Repeats the failing schedule; empty if there is none."""
    explanation: str = ""
    rows: tuple[Row, ...] = ()
    """The explanation's columns as data, for other forms of report."""
    waiting: tuple[Waiting, ...] = ()
    stage: str = ""
    """The strategy that found the failure."""
    races: tuple[RaceReport, ...] = ()
    """Unordered accesses in the serial run. Not proof by themselves: correct
    double-checked locking has one. The exercise decides what they mean."""
    not_under_control: tuple[str, ...] = ()
    """What the program used that the engine does not schedule, in words."""

    @property
    def failed(self) -> bool:
        """Whether there is proof of a mistake."""
        return self.verdict is Verdict.FAILED

    def __str__(self) -> str:
        lines = [self.explanation] if self.explanation else []
        lines.append(self.statement)
        lines.extend(self.not_under_control)
        if self.token:
            lines.append(f"See it again with the token {self.token}")
        return "\n\n".join(line for line in lines if line)
