"""Exercise files: what is wrong with one is said with file, key and fix."""

import contextlib
import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racecourse.model.exercise_file import ExerciseFileError, parse_exercise

_TOML = """
[exercise]
id = "ex1"
slug = "ex01_probe"
title = "t"
summary = "s"
[[promises]]
id = 1
text = "p"
[[checks]]
id = "A"
category = "correctness"
title = "t"
promise = 1
points = 100
learning = "l"
question = "q"
"""


def _tables() -> dict[str, Any]:
    return tomllib.loads(_TOML)


def _problems(tables: dict[str, Any]) -> list[str]:
    with pytest.raises(ExerciseFileError) as caught:
        parse_exercise(tables, origin="exercise.toml")
    assert all(
        line.startswith("exercise.toml: ") for line in str(caught.value).split("\n")
    )
    return list(caught.value.problems)


def test_a_right_file_becomes_an_exercise():
    exercise = parse_exercise(_tables(), origin="exercise.toml")
    assert (exercise.id, exercise.max_score) == ("ex1", 100)
    assert exercise.promise_of(exercise.check("A")).text == "p"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("exercise", "title"), 3, "exercise.title is 3; give a text there"),
        (
            ("exercise", "id"),
            "e1",
            "exercise.id is 'e1'; write ex and a number, as in ex3",
        ),
        (("checks", 0, "points"), 99, "checks: the points add up to 99; make it 100"),
        (
            ("checks", 0, "points"),
            True,
            "checks[0].points is True; give a number there",
        ),
        (("checks", 0, "needs"), ["A"], "check A: needs A, which must stand before it"),
        (("checks", 0, "needs"), [1], "checks[0].needs holds 1; give texts only"),
        (("checks", 0, "quiet"), 1, "checks[0].quiet is 1; give true or false there"),
        (
            ("checks", 0, "takes_s"),
            -2,
            "checks[0].takes_s is -2; give a number above 0",
        ),
        (
            ("checks", 0, "promise"),
            2,
            "check A: promise 2 does not exist; use one of 1",
        ),
        (
            ("checks", 0, "category"),
            "x",
            (
                "checks[0].category is 'x'; use one of correctness, races, speedup,"
                " cancellation"
            ),
        ),
        (
            ("checks", 0, "limits"),
            {"wall_s": float("nan")},
            "checks[0].limits.wall_s is nan; give a number above 0",
        ),
        (
            ("limits",),
            {"cpu_s": 0.5},
            "limits.cpu_s is 0.5; give a whole number",
        ),
        (("limits",), 5, "file.limits is 5; give a table there"),
        (("worker",), {"preload": [1]}, "worker.preload holds 1; give texts only"),
        (
            ("checks", 0, "evidence"),
            ["claims"],
            (
                "check A: evidence ['claims'] may not award points alone; add effects,"
                " values or history"
            ),
        ),
    ],
)
def test_a_problem_names_the_key_and_the_fix(
    path: tuple[Any, ...], value: object, problem: str
):
    tables = _tables()
    place: Any = tables
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert problem in _problems(tables)


def test_all_problems_are_found_at_once():
    tables = _tables()
    tables["exercise"]["title"] = tables["checks"][0]["title"] = ""
    assert len(_problems(tables)) == 2


def test_points_may_be_tenths_and_thirds():
    tables = _tables()
    tables["checks"] = [
        {**tables["checks"][0], "id": f"C{n}", "points": 100 / 7} for n in range(7)
    ]
    parse_exercise(tables, origin="exercise.toml")


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_PLACES = (
    *((key,) for key in ("exercise", "promises", "checks", "limits", "worker")),
    *(("checks", 0, key) for key in ("id", "needs", "evidence", "limits", "points")),
    *(("exercise", "id"), ("promises", 0), ("checks", 0), ("promises", 0, "id")),
)


@given(place=st.sampled_from(_PLACES), value=_junk)
def test_junk_is_never_more_than_a_problem(place: tuple[Any, ...], value: object):
    tables = copy.deepcopy(_tables())
    at: Any = tables
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    with contextlib.suppress(ExerciseFileError):
        parse_exercise(tables, origin="exercise.toml")


def test_a_number_of_thousands_of_digits_is_a_problem_too(tmp_path: Path):
    from racecourse.grading.catalogue import load_course  # noqa: PLC0415

    file = tmp_path / "exercises" / "ex01_probe" / "exercise.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f"[exercise]\nid = {'9' * 5000}\n")
    with pytest.raises(ExerciseFileError, match="cannot be read as TOML"):
        load_course(tmp_path)
