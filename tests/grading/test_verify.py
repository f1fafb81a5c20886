"""What `verify` asks of a mutant: caught where it says, and nothing lost elsewhere."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from racecourse.grading import verify
from racecourse.grading.catalogue import find_exercise, load_course
from racecourse.grading.run import Options
from racecourse.model.exercise_file import ExerciseFileError

_EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "worked-example"
_Problems = Callable[..., tuple[str, ...]]
_MUTANTS = "graders/ex11_single_flight/mutants"


@pytest.fixture
def problems_of(tmp_path: Path) -> _Problems:
    """Verify a mutant that races and makes one call at a time, too; its docstring is ours."""
    shutil.copytree(_EXAMPLE, tmp_path, dirs_exist_ok=True)
    racy = (tmp_path / _MUTANTS / "looks_outside_the_lock.py").read_text("utf-8")
    slow = racy.replace("set_result(call())", "set_result(_alone(call))")
    alone = "_line = threading.Lock()\n\n\ndef _alone(call):\n    with _line:\n        return call()\n"
    assert slow != racy

    def verified(*lines: str) -> tuple[str, ...]:
        text = slow.replace("Caught by: R1", "\n".join(lines)) + "\n\n" + alone
        path = tmp_path / _MUTANTS / "races_and_is_slow.py"
        path.write_text(text, "utf-8")
        (content,) = load_course(tmp_path).values()
        cases = verify.cases_of(content)
        case = next(case for case in cases if case.path == path)
        return verify.examine(case, Options(seed=11)).problems

    return verified


def test_a_mutant_loses_nothing_outside_its_categories(problems_of: _Problems) -> None:
    (problem,) = problems_of("Caught by: R1")
    assert problem.startswith("S1 failed too, outside races: ")


def test_a_mutant_may_lose_what_it_says(problems_of: _Problems) -> None:
    assert problems_of("Caught by: R1", "May lose: S1") == ()


def test_what_it_may_lose_does_not_catch_it(problems_of: _Problems) -> None:
    (problem,) = problems_of("Caught by: C1", "May lose: R1, S1")
    assert problem == "C1 did not catch it (passed)"


def test_it_cannot_lose_a_check_that_there_is_not(problems_of: _Problems) -> None:
    with pytest.raises(
        ExerciseFileError, match=r"names R1 S7; write lines .*'May lose: '"
    ):
        problems_of("Caught by: R1", "May lose: S7")


def test_of_a_check_alone_only_its_own_mutants_are_graded() -> None:
    cases = list(verify.cases_of(find_exercise("ex3", load_course())))
    about = verify.about_checks(cases, ["R2"])
    assert [case.path for case in about] == [
        case.path for case in cases if case.kind != "mutant" or "R2" in case.caught_by
    ]


def test_what_a_check_needs_is_judged_with_it() -> None:
    """Or what is never reached in a grading would be lost here."""
    content = find_exercise("ex5", load_course())
    name = "started_only_by_async_with"
    case = next(c for c in verify.cases_of(content) if c.path.stem == name)
    row = verify.examine(case, Options(seed=11, only=("X3",)))
    assert "X3" not in row.failed
    assert row.problems == ()
