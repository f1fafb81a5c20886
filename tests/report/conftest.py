"""Fixed reports: every kind of ending, and the one that the README shows."""

# ruff: noqa: ANN001, ANN003
# Fixtures need no types, as in the graders.

import os
from pathlib import Path

import pytest

from racecourse.model.exercise import Check, Exercise, Limits, Promise
from racecourse.model.report import Machine, Report, score
from racecourse.model.result import CheckResult, Finding, SourceLine, Stack, not_reached
from racecourse.model.verdict import Category, Cause, Verdict

MACHINE = Machine(
    python="3.12.1",
    platform="Linux x86_64",
    cores=2,
    cpu_quota=1.5,
    gil=True,
    start_methods=("fork", "spawn", "forkserver"),
    sandbox="plain",
)


def a_check(check_id: str, category: Category, title: str, points: float) -> Check:
    return Check(
        id=check_id,
        category=category,
        title=title,
        promise=2 if category is Category.RACES else 1,
        points=points,
        learning="Reading, adding and writing back are three steps; a lock makes them one.",
        question="What may another thread do between your read and your write?",
        limits=Limits(),
    )


EXERCISE = Exercise(
    id="ex1",
    slug="ex01_counter",
    title="A thread-safe counter",
    summary="Count from many threads.",
    promises=(
        Promise(id=1, text="The counter starts at 0 and counts."),
        Promise(id=2, text="No increment is lost, however the threads take turns."),
    ),
    checks=(
        a_check("C1", Category.CORRECTNESS, "It starts at zero", 20),
        a_check("C2", Category.CORRECTNESS, "It counts", 20),
        a_check("R1", Category.RACES, "No increment is lost", 30),
        a_check("S1", Category.SPEEDUP, "Waiting costs nothing", 15),
        a_check("X1", Category.CANCELLATION, "Ctrl-C ends it", 15),
    ),
)


def passed(check_id: str) -> CheckResult:
    return CheckResult(check_id=check_id, verdict=Verdict.PASSED, seconds=0.04)


def failed(check_id: str, cause: Cause, finding: Finding, **more) -> CheckResult:
    return CheckResult(
        check_id=check_id, verdict=Verdict.FAILED, cause=cause, finding=finding, **more
    )


def a_report(*results: CheckResult, **more) -> Report:
    return Report(
        exercise=EXERCISE,
        submission="solution.py",
        seed=1234,
        machine=MACHINE,
        checks=score(EXERCISE, results),
        **more,
    )


RACE = failed(
    "R1",
    Cause.RACE,
    Finding(
        saw="Two threads added 1 each; the total was 1.",
        details=(
            "thread 1   solution.py:14   seen = self._value       reads 0",
            "thread 2   solution.py:14   seen = self._value       reads 0",
            "thread 2   solution.py:15   self._value = seen + 1   writes 1",
            "thread 1   solution.py:15   self._value = seen + 1   writes 1",
        ),
    ),
)


def _here(name: str) -> Stack:
    line = SourceLine(
        file="solution.py", line=21, function="drain", code="item = self._items.get()"
    )
    return Stack(name=f"{name}, waiting in queue.py get()", lines=(line,))


HANG = failed(
    "C2",
    Cause.HANG,
    Finding(
        saw="It did not come back within 10 s. Every thread of it stood here:",
        stacks=(_here("consumer-1"), _here("consumer-2")),
    ),
    output="\x1b[31mred\x1b[0m\n::error::gotcha\nlone \ud800 surrogate\n",
)

REPORTS = {
    "full_marks": a_report(*map(passed, ("C1", "C2", "R1", "S1", "X1"))),
    "a_race": a_report(*map(passed, ("C1", "C2")), RACE, *map(passed, ("S1", "X1"))),
    "every_ending": a_report(
        passed("C1"),
        HANG,
        not_reached(
            "R1", "Not judged, because C2 failed (It counts). Mend that first."
        ),
        CheckResult(
            check_id="S1",
            verdict=Verdict.NOT_MEASURABLE,
            finding=Finding(saw="This machine has no start method fork."),
        ),
        CheckResult(
            check_id="X1",
            verdict=Verdict.GRADER_ERROR,
            finding=Finding(
                saw="The grader failed, not your code. Please send us /x/error.txt."
            ),
        ),
    ),
    "nothing_written_yet": a_report(
        *(
            failed(
                check.id,
                Cause.WRONG_RESULT,
                Finding(
                    saw="It is not implemented yet.",
                    details=(
                        f"solution.py:{9 + n // 3}  in add   raise NotImplementedError",
                    ),
                ),
            )
            for n, check in enumerate(EXERCISE.checks)
        )
    ),
    "stopped": a_report(passed("C1"), passed("C2"), interrupted=True),
}


@pytest.fixture(params=sorted(REPORTS))
def fixed_report(request) -> tuple[str, Report]:
    return request.param, REPORTS[request.param]


@pytest.fixture
def reports() -> dict[str, Report]:
    return REPORTS


@pytest.fixture
def pinned():
    """Compare text with a file; `RERECORD=1 pytest tests` writes the files anew."""

    def compare(text: str, file: Path) -> None:
        if os.environ.get("RERECORD"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare
