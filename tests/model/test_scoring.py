"""Points: what cannot be decided moves inside its category."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racecourse.model.exercise import Check, Exercise, Limits, Promise
from racecourse.model.report import score
from racecourse.model.result import CheckResult, Finding, SourceLine, Stack
from racecourse.model.verdict import Category, Cause, Verdict


def _check(name: str, points: float, category: Category = Category.RACES) -> Check:
    return Check(
        id=name,
        category=category,
        title=name,
        promise=1,
        points=points,
        learning="",
        question="",
        limits=Limits(),
    )


def _result(name: str, verdict: Verdict) -> CheckResult:
    cause = Cause.RACE if verdict is Verdict.FAILED else None
    return CheckResult(check_id=name, verdict=verdict, cause=cause)


def _points(checks: list[Check], *verdicts: Verdict) -> list[tuple[float, float]]:
    exercise = Exercise(
        id="ex1",
        slug="s",
        title="",
        summary="",
        promises=(Promise(id=1, text=""),),
        checks=tuple(checks),
    )
    results = [_result(c.id, v) for c, v in zip(checks, verdicts, strict=True)]
    return [(scored.points, scored.max_points) for scored in score(exercise, results)]


def test_what_cannot_be_decided_moves_to_the_rest_of_its_category():
    checks = [_check("A", 10), _check("B", 30), _check("C", 20)]
    seen = _points(checks, Verdict.PASSED, Verdict.FAILED, Verdict.NOT_MEASURABLE)
    assert seen == [(15, 15), (0, 45), (0, 0)]


def test_a_category_without_a_decision_leaves_the_maximum():
    checks = [_check("A", 40), _check("B", 60, Category.SPEEDUP)]
    assert _points(checks, Verdict.PASSED, Verdict.GRADER_ERROR) == [(40, 40), (0, 0)]


@given(
    verdicts=st.lists(st.sampled_from(Verdict), min_size=1, max_size=8),
    weights=st.lists(st.integers(1, 30), min_size=8, max_size=8),
)
def test_no_point_is_lost_or_made(verdicts: list[Verdict], weights: list[int]):
    checks = [_check(f"C{n}", weights[n]) for n in range(len(verdicts))]
    seen = _points(checks, *verdicts)
    decided = {Verdict.PASSED, Verdict.FAILED} & set(verdicts)
    full = sum(check.points for check in checks) if decided else 0
    assert sum(most for _, most in seen) == pytest.approx(full, abs=0.01)
    assert all(0 <= points <= most for points, most in seen)


def test_a_cause_belongs_to_a_failure_and_to_nothing_else():
    for verdict in Verdict:
        cause = None if verdict is Verdict.FAILED else Cause.RACE
        with pytest.raises(ValueError, match="with cause"):
            CheckResult(check_id="A", verdict=verdict, cause=cause)


def test_a_result_survives_the_journal():
    line = SourceLine(file="solution.py", line=3, function="f", code="x")
    result = CheckResult(
        check_id="A",
        verdict=Verdict.FAILED,
        cause=Cause.DEADLOCK,
        finding=Finding(
            saw="it stood \ud800",
            details=("one", "two"),
            stacks=(Stack(name="thread 1", lines=(line,)),),
            replay="--seed 1",
        ),
        seconds=1.5,
        output="out",
    )
    assert CheckResult.from_plain(json.loads(json.dumps(result.to_plain()))) == result
