"""What a student has reached: best scores, what failed last, and the hints seen.

A small JSON file in the state folder, replaced as a whole. It is a convenience and never
evidence: a file that cannot be read counts as empty.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from racecourse.model.exercise import Exercise
from racecourse.model.report import Report
from racecourse.model.verdict import Cause, Verdict
from racecourse.report.files import replace_file

_FILE = "progress.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One exercise so far."""

    best: float | None = None  # points of the best complete run
    failed: tuple[str, ...] = ()  # checks that failed in the last run
    rungs: Mapping[int, int] = field(default_factory=dict)  # promise to hints seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Every exercise so far, by slug: numbers alone could belong to another course."""

    standings: Mapping[str, Standing] = field(default_factory=dict)

    def of(self, exercise: Exercise) -> Standing:
        """Return how far an exercise is; an untouched one is empty."""
        return self.standings.get(exercise.slug, Standing())

    def after(self, report: Report) -> "Progress":
        """Return the progress after a run; only a complete run can set the best score."""
        standing = self.of(report.exercise)
        failed = tuple(
            scored.check.id
            for scored in report.checks
            if scored.result.verdict is Verdict.FAILED
            and scored.result.cause is not Cause.NOT_REACHED
        )
        best = standing.best
        if _is_complete(report):
            best = max(report.score, best or 0.0)
        return self._with(report.exercise, replace(standing, best=best, failed=failed))

    def with_rung(self, exercise: Exercise, promise: int, seen: int) -> "Progress":
        """Return the progress after a hint was read."""
        standing = self.of(exercise)
        rungs = {**standing.rungs, promise: seen}
        return self._with(exercise, replace(standing, rungs=rungs))

    def _with(self, exercise: Exercise, standing: Standing) -> "Progress":
        return Progress(standings={**self.standings, exercise.slug: standing})


def _is_complete(report: Report) -> bool:
    everything = len(report.checks) == len(report.exercise.checks)
    return everything and not report.interrupted and not report.grader_failed


def load(state: Path) -> Progress:
    """Return what is kept in the state folder, or an empty progress."""
    try:
        plain = json.loads((state / _FILE).read_text(encoding="utf-8"))
        return Progress(
            standings={slug: _standing(each) for slug, each in plain.items()}
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return Progress()


def _standing(plain: Mapping[str, Any]) -> Standing:
    best = plain.get("best")
    return Standing(
        best=None if best is None else float(best),
        failed=tuple(map(str, plain.get("failed", ()))),
        rungs={int(k): int(v) for k, v in plain.get("rungs", {}).items()},
    )


def save(progress: Progress, state: Path) -> None:
    """Keep the progress; the file is replaced as a whole.

    Raises:
        OSError: If the state folder cannot be written.
    """
    plain = {
        slug: {
            "best": each.best,
            "failed": list(each.failed),
            "rungs": {str(k): v for k, v in each.rungs.items()},
        }
        for slug, each in progress.standings.items()
    }
    replace_file(state / _FILE, json.dumps(plain, indent=2) + "\n")
