"""Submissions that attack while they are imported: every check is lost, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Course, Probe

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise SystemExit(0)", "crash"),
        ("raise KeyboardInterrupt", "wrong-result"),
        ("import os; os._exit(0)", "crash"),
        ("import os; os.kill(os.getpid(), 11)", "crash"),
        (
            "class E(BaseException):\n    def __str__(self): raise self\nraise E",
            "wrong-result",
        ),
    ],
)
def test_an_attack_while_it_is_imported_costs_every_check(
    code: str, cause: str, make_course: Callable[..., Course]
):
    course = make_course(Probe(id="A"), Probe(id="B"), submission=code)
    report = course.grade()
    assert [_outcome(each) for each in report["checks"]] == [cause, cause]
    assert course.left() == []


def _outcome(check: dict[str, Any]) -> str:
    outcome: str = check["cause"] or check["verdict"]
    return outcome
