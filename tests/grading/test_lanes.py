"""A check that begins before what it needs has ended: when its result counts."""

import multiprocessing

import pytest

from racecourse.grading.lanes import run_in_lanes
from racecourse.grading.plan import Plan
from racecourse.model.exercise import Check, Limits
from racecourse.model.result import CheckResult
from racecourse.model.verdict import Category, Cause, Verdict

_FOR_EVER_S = 600.0
_SOON_S = 30.0


def _check(name: str, *needs: str) -> Check:
    return Check(
        id=name,
        category=Category.CORRECTNESS,
        title=name.lower(),
        promise=1,
        points=1,
        learning="",
        question="",
        limits=Limits(),
        needs=needs,
    )


@pytest.mark.parametrize("early_one_ends", [True, False])
@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.FAILED])
def test_what_began_early_counts_if_nothing_failed_that_it_needs(
    verdict: Verdict, *, early_one_ends: bool
) -> None:
    """A is judged until B has begun, or has ended; B needs A, and may go on for ever.

    One that passes comes first: without it B would not begin early.
    """
    fork = multiprocessing.get_context("fork")
    begun, ended = fork.Event(), fork.Event()

    def judge(name: str) -> CheckResult:
        if name == "first":
            return CheckResult(check_id=name, verdict=Verdict.PASSED)
        if name == "A":
            assert (ended if early_one_ends else begun).wait(_SOON_S)
            cause = Cause.WRONG_RESULT if verdict is Verdict.FAILED else None
            return CheckResult(check_id="A", verdict=verdict, cause=cause)
        begun.set()
        if not early_one_ends and verdict is Verdict.FAILED:
            ended.wait(_FOR_EVER_S)
        ended.set()
        return CheckResult(check_id="B", verdict=Verdict.PASSED)

    results: list[CheckResult] = []
    run_in_lanes(
        Plan(checks=(_check("A"), _check("B", "A"), _check("first"))),
        lanes=2,
        become_lane=lambda _: judge,
        started=lambda _: None,
        finished=results.append,
    )
    _, first, second = results
    assert (first.check_id, first.verdict) == ("A", verdict)
    assert second.check_id == "B"
    assert (second.cause is Cause.NOT_REACHED) == (verdict is Verdict.FAILED)
