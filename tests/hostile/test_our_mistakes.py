"""When we break, nobody loses points, and the other checks are judged."""

import subprocess
from collections.abc import Callable

import pytest

from racecourse.grading import catalogue, lanes
from racecourse.grading.plan import Plan
from racecourse.model.result import CheckResult
from racecourse.model.verdict import Verdict
from tests.conftest import Course, Probe

pytestmark = pytest.mark.usefixtures("nothing_left")

_RIGHT = Probe(id="RIGHT", scenario="def right():\n    return 42")


@pytest.mark.parametrize(
    "test",
    [
        "raise ZeroDivisionError",
        "raise SystemExit",
        "import pytest; pytest.skip('no')",
        "import pytest; pytest.exit('no')",
        "import os; os.kill(os.getpid(), 9)",
        "while True: pass",
    ],
)
def test_a_grader_that_breaks_costs_nobody_a_point(
    test: str, make_course: Callable[..., Course]
):
    course = make_course(_RIGHT, Probe(id="OURS", test=test))
    report = course.grade(backstop_s=0.5, lanes=2)
    verdicts = {each["id"]: each["verdict"] for each in report["checks"]}
    assert verdicts == {"RIGHT": "passed", "OURS": "grader-error"}
    assert (report["score"], report["max_score"]) == (100, 100)
    assert course.left() == []


def test_a_mistake_of_ours_is_written_down(make_course: Callable[..., Course]):
    course = make_course(_RIGHT, Probe(id="OURS", test="raise ZeroDivisionError"))
    course.grade()
    written = (course.journal.parent / "grader-error-OURS.txt").read_text("utf-8")
    assert "ZeroDivisionError" in written


@pytest.mark.parametrize(
    ("grader", "says"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("", "no test judges RIGHT"),
        ("def test_it():\n    pass\n", "judges no check"),
        (
            (
                "from racecourse.checks import check\n"
                "@check('RIGHT')\ndef test_1(): pass\n@check('RIGHT')\ndef test_2(): pass\n"
            ),
            "judges RIGHT a second time",
        ),
    ],
)
def test_graders_that_do_not_fit_are_refused_before_the_first_check(
    grader: str, says: str, make_course: Callable[..., Course]
):
    course = make_course(_RIGHT, grader=grader or "# nothing\n")
    done = subprocess.run(
        course.command(),
        env=course.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "GraderProblem" in done.stderr
    assert says in done.stderr
    assert not course.journal.read_text("ascii")


def test_a_lane_that_is_killed_costs_its_check_and_no_point(
    make_course: Callable[..., Course],
):
    content = catalogue.load_course(make_course(_RIGHT, Probe(id="X")).root)["ex1"]
    results: list[CheckResult] = []

    def become_lane(number: int) -> lanes.Judge:
        def judge(check_id: str) -> CheckResult:
            if number == 0:
                raise SystemExit
            return CheckResult(check_id=check_id, verdict=Verdict.PASSED)

        return judge

    lanes.run_in_lanes(
        Plan(checks=content.exercise.checks),
        lanes=2,
        become_lane=become_lane,
        started=lambda _: None,
        finished=results.append,
    )
    assert sorted(result.verdict.value for result in results) == [
        "grader-error",
        "passed",
    ]


def test_the_users_own_pytest_settings_change_nothing(
    make_course: Callable[..., Course], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    assert make_course(_RIGHT).grade()["score"] == 100
