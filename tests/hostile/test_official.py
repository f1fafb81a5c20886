"""Official runs: a weak sandbox is refused, and a broken grader is nobody's way out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from racecourse.grading import confinement
from racecourse.grading.confinement import Confinement, NotConfined
from racecourse.sandbox.levels import LEVELS, PLAIN, level_named
from tests.conftest import Course, Probe

pytestmark = pytest.mark.usefixtures("nothing_left")

STRONG = next(level for level in LEVELS if level.official)
_READS_A_KEY = """seen = submission.call("a")
must.equal(seen["x"], 42, what="x")
"""


def _found(level: str) -> Confinement:
    return Confinement(level=level_named(level), findings=(("user", "not available"),))


@pytest.mark.parametrize("official", [False, True])
def test_an_answer_that_breaks_the_grader_gains_nothing(
    make_course: Callable[..., Course], *, official: bool
):
    """In practice nobody loses points over it; where it counts, the check is lost."""
    course = make_course(
        Probe(id="A", test=_READS_A_KEY),
        Probe(id="B"),
        submission="def a(): return []\ndef b(): return 42",
    )
    reference = course.root / "reference" / "ex01_probe" / "solution.py"
    reference.parent.mkdir(parents=True)
    reference.write_text("def a(): return {'x': 42}\ndef b(): return 42", "utf-8")
    report = course.grade(official=official, accept_weak=True)
    first, second = report["checks"]
    assert second["verdict"] == "passed"
    if official:
        assert (first["verdict"], first["cause"]) == ("failed", "protocol-violation")
        assert (report["score"], report["max_score"]) == (50, 100)
    else:
        assert first["verdict"] == "grader-error"
        assert report["score"] == report["max_score"]


def test_a_grader_that_breaks_on_the_reference_too_is_ours(
    make_course: Callable[..., Course],
):
    """Whatever the submission answers: nobody loses points."""
    course = make_course(
        Probe(id="A", test="raise ZeroDivisionError"),
        Probe(id="B"),
        submission="def b(): return 42",
    )
    reference = course.root / "reference" / "ex01_probe" / "solution.py"
    reference.parent.mkdir(parents=True)
    reference.write_text("def b(): return 42", "utf-8")
    report = course.grade(official=True, accept_weak=True)
    assert report["checks"][0]["verdict"] == "grader-error"


def test_a_weak_sandbox_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Unless it is accepted, and then it is known to be weak."""
    monkeypatch.setattr(confinement, "_tried", lambda _: _found("container"))
    with pytest.raises(NotConfined, match="strongest sandbox is 'container'"):
        confinement.choose("auto", official=True, accept_weak=False)
    found = confinement.choose("auto", official=True, accept_weak=True)
    assert found.level.name == "container"


def test_an_official_run_attacks_anew(monkeypatch: pytest.MonkeyPatch):
    """What was kept since the last boot could have been forged by a submission."""
    monkeypatch.setattr(confinement, "strongest", lambda: _found(STRONG.name))
    monkeypatch.setattr(confinement, "_tried", lambda _: _found("plain"))
    assert confinement.choose("auto", official=False, accept_weak=False).level is STRONG
    with pytest.raises(NotConfined):
        confinement.choose("auto", official=True, accept_weak=False)


def test_a_level_that_does_not_hold_is_refused_by_name(monkeypatch: pytest.MonkeyPatch):
    """Who asks for a level gets that level or nothing."""
    monkeypatch.setattr(confinement, "_tried", lambda _: _found("plain"))
    with pytest.raises(NotConfined, match="'root' does not hold here"):
        confinement.choose("root", official=False, accept_weak=False)
    assert confinement.choose("plain", official=False, accept_weak=False).level is PLAIN


def test_what_was_found_is_kept_until_the_next_boot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """One attack for each boot, user, interpreter and installation."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tries = []

    def tried(_levels: object) -> confinement.Confinement:
        tries.append(1)
        return _found("container")

    monkeypatch.setattr(confinement, "_tried", tried)
    assert confinement.strongest() == confinement.strongest() == _found("container")
    assert len(tries) == 1
    monkeypatch.setattr(confinement, "_key", lambda: ["another boot"])
    confinement.strongest()
    assert len(tries) == 2
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(confinement, "_tried", lambda _: pytest.fail("attacked anew"))
    assert confinement.strongest() == _found("container"), "two of them share a file"
    monkeypatch.setattr(confinement, "_tried", tried)
    (tmp_path / "racecourse" / "sandbox.json").write_text("nonsense", "utf-8")
    confinement.strongest()
    assert len(tries) == 3
