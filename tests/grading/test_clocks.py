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
    *, of_the_exercise: bool | None, of_the_check: bool | None, virtual: bool
):
    check = {"id": "A", "category": "races", "title": "t", "promise": 1, "points": 100}
    texts = {"learning": "l", "question": "q"}
    tables = {
        "exercise": {"id": "ex1", "slug": "s", "title": "t", "summary": "s"},
        "worker": _table(virtual_time=of_the_exercise),
        "promises": [{"id": 1, "text": "p"}],
        "checks": [{**check, **texts, **_table(virtual_time=of_the_check)}],
    }
    exercise = parse_exercise(tables, origin="exercise.toml")
    assert exercise.check("A").virtual_time is virtual


def _table(*, virtual_time: bool | None) -> dict[str, bool]:
    return {} if virtual_time is None else {"virtual_time": virtual_time}


@pytest.mark.parametrize(
    ("own", "other", "due"),
    [
        pytest.param("false", True, [False, True], id="real, and a virtual one"),
        pytest.param("true", False, [True, False], id="virtual, and a real one"),
        pytest.param("true", None, [True, True], id="two of a kind"),
    ],
)
def test_a_check_about_both_kinds_of_time_has_a_worker_for_each(
    make_course: Callable[..., Course], own: str, other: object, due: list[bool]
):
    test = (
        f"with submission.fresh(virtual_time={other}) as other:\n"
        '    seen = [submission.call("moved"), other.call("moved")]\n'
        f'must.equal(seen, {due}, what="moved clocks")'
    )
    options, limits = f"virtual_time = {own}", {"wall_s": 10.0}
    probe = Probe(id="MOVED", options=options, test=test, limits=limits)
    (check,) = make_course(probe, submission=_MOVED).grade()["checks"]
    assert check["verdict"] == "passed", check["message"]
