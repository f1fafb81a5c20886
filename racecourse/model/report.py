"""A report: every check of a run, its points, and the score."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from racecourse.model.exercise import Check, Exercise
from racecourse.model.result import CheckResult
from racecourse.model.verdict import Category, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the machine of a run could promise."""

    python: str
    platform: str
    cores: int  # that this process may use
    cpu_quota: float | None  # in cores; None: no quota is set
    gil: bool
    start_methods: tuple[str, ...]
    sandbox: str  # level name


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCheck:
    """A check with its result and the points it earned in this run."""

    check: Check
    result: CheckResult
    points: float
    max_points: float  # after redistribution; 0 when not measurable


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One graded submission."""

    exercise: Exercise
    submission: str  # how the student named it
    seed: int
    machine: Machine
    checks: tuple[ScoredCheck, ...]
    interrupted: bool = False
    official: bool = False
    weak: bool = False  # official, although the sandbox promises less than it should

    @property
    def score(self) -> float:
        """Points earned, rounded to a hundredth."""
        return round(sum(scored.points for scored in self.checks), 2)

    @property
    def max_score(self) -> float:
        """Points that could be earned: all checks that were asked for."""
        return round(sum(scored.max_points for scored in self.checks), 2)

    @property
    def grader_failed(self) -> bool:
        """Whether we broke in some check."""
        return any(s.result.verdict is Verdict.GRADER_ERROR for s in self.checks)

    def to_plain(self) -> dict[str, Any]:
        """Return the report as the JSON document that `--format json` prints."""
        return {
            "exercise": self.exercise.id,
            "title": self.exercise.title,
            "submission": self.submission,
            "score": self.score,
            "max_score": self.max_score,
            "seed": self.seed,
            "official": self.official,
            "weak": self.weak,
            "interrupted": self.interrupted,
            "machine": dataclasses.asdict(self.machine),
            "checks": [_plain_check(scored) for scored in self.checks],
        }


def _plain_check(scored: ScoredCheck) -> dict[str, Any]:
    result = scored.result
    plain = result.to_plain()
    return {
        "id": scored.check.id,
        "category": scored.check.category.value,
        "title": scored.check.title,
        "verdict": plain["verdict"],
        "cause": plain["cause"],
        "points": scored.points,
        "max_points": scored.max_points,
        "seconds": round(result.seconds, 3),
        "message": result.finding.saw,
        "details": plain["finding"]["details"],
        "stacks": plain["finding"]["stacks"],
        "replay": result.finding.replay,
        "output": result.output,
    }


def score(
    exercise: Exercise, results: Iterable[CheckResult]
) -> tuple[ScoredCheck, ...]:
    """Give every result its points.

    The points of a check that this machine cannot decide, or in which the grader broke,
    go to the other checks of its category in proportion, so that they neither help nor
    harm. A category in which nothing could be decided is worth its full points to nobody:
    it leaves the maximum.
    """
    by_id = {result.check_id: result for result in results}
    asked = [check for check in exercise.checks if check.id in by_id]
    scale = {category: _scale(category, asked, by_id) for category in Category}
    scored = []
    for check in asked:
        result = by_id[check.id]
        max_points = check.points * scale[check.category] if _decided(result) else 0.0
        points = max_points if result.verdict is Verdict.PASSED else 0.0
        scored.append(
            ScoredCheck(
                check=check,
                result=result,
                points=round(points, 4),
                max_points=round(max_points, 4),
            )
        )
    return tuple(scored)


def _decided(result: CheckResult) -> bool:
    return result.verdict in {Verdict.PASSED, Verdict.FAILED}


def _scale(
    category: Category, checks: list[Check], results: dict[str, CheckResult]
) -> float:
    mine = [check for check in checks if check.category is category]
    decided = sum(check.points for check in mine if _decided(results[check.id]))
    return sum(check.points for check in mine) / decided if decided else 0.0
