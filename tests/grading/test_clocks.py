"""Which clock a worker has: the check's, which is the exercise's unless it says so."""

from collections.abc import Callable

import pytest

from racecourse.model.exercise_file import parse_exercise
from tests.conftest import Course, Probe

# What stands in for a clock is written in Python; the real one is not.
_MOVED = """\
import time, types

def moved():
    return not isinstance(time.monotonic, types.BuiltinFunctionType)
"""


@pytest.mark.parametrize(
    ("of_the_exercise", "of_the_check", "virtual"),
    [
        (None, None, False),
        (None, True, True),
        (True, None, True),
        (True, False, False),
        (False, True, True),
    ],
)
def test_a_check_may_choose_another_clock_than_its_exercise(
    of_the_exercise: bool | None, of_the_check: bool | None, virtual: bool
):
    check = {"id": "A", "category": "races", "title": "t", "promise": 1, "points": 100}
    texts = {"learning": "l", "question": "q"}
    tables = {
        "exercise": {"id": "ex1", "slug": "s", "title": "t", "summary": "s"},
        "worker": _unless_none(of_the_exercise),
        "promises": [{"id": 1, "text": "p"}],
        "checks": [{**check, **texts, **_unless_none(of_the_check)}],
    }
    exercise = parse_exercise(tables, origin="exercise.toml")
    assert exercise.check("A").virtual_time is virtual


def _unless_none(value: bool | None) -> dict[str, bool]:
    return {} if value is None else {"virtual_time": value}


def test_a_check_about_both_kinds_of_time_has_a_worker_for_each(
    make_course: Callable[..., Course],
):
    first = 'must.equal(submission.call("moved"), {}, what="first")\n'
    second = (
        "with submission.fresh(virtual_time={}) as other:\n"
        '    must.equal(other.call("moved"), {}, what="second")'
    )
    course = make_course(
        Probe(
            id="MOVED",
            options="virtual_time = true",
            test=first.format(True) + second.format(False, False),
            limits={"wall_s": 10},
        ),
        Probe(
            id="REAL",
            test=first.format(False) + second.format(True, True),
            limits={"wall_s": 10},
        ),
        Probe(
            id="SAME",
            options="virtual_time = true",
            test=first.format(True) + second.format(None, True),
            limits={"wall_s": 10},
        ),
        submission=_MOVED,
    )
    checks = course.grade()["checks"]
    assert [check["verdict"] for check in checks] == ["passed"] * 3, checks
