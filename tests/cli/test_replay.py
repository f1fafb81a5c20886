"""`grade replay`: the failing schedule again, or that it fails no longer."""

# ruff: noqa: ANN001, ANN002, ANN003, ANN202
# Fixtures need no types, as in the graders.

import json

import pytest

from racecourse.model.replay_token import BadReplayTokenError, ReplayToken
from tests.conftest import Probe

SCHEDULES = """\
import threading
import solution

def program():
    counter = solution.Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2, f"the value is {counter.value}"
"""
RACY = """\
class Counter:
    value = 0
    def add(self):
        self.value += 1
"""
SAFE = """\
import threading
class Counter:
    value = 0
    lock = threading.Lock()
    def add(self):
        with self.lock:
            self.value += 1
"""
WITHOUT_THE_PLACE = """\
import threading
class Counter:
    def __init__(self):
        self.lock, self.added = threading.Lock(), []
    def add(self):
        with self.lock:
            self.added.append(1)
    @property
    def value(self):
        return len(self.added)
"""
# A real pipe blocks the whole process: the engine can neither see nor end it.
BLOCKING = """\
import os
class Counter:
    value = 2
    def add(self):
        os.read(os.pipe()[0], 1)
"""
STALLED = """\
def r2():
    import threading
    from racecourse.sandbox import stalling

    counter = stalling.solution().Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counter.value
"""


@pytest.fixture
def course(make_course):
    """One check for the engine and one for stalls, and a racy submission."""
    limits = {"wall_s": 20}
    made = make_course(
        Probe(
            id="R1",
            scenario="def r1():\n    return 42",
            test='with submission.exploring("program", runs=100): pass',
            options='evidence = ["values", "claims"]',
            limits=limits,
        ),
        Probe(
            id="R2",
            scenario=STALLED,
            test='for stalled in submission.stalls("r2", limit=9):\n'
            "    with stalled.told():\n"
            '        must.equal(stalled.call(), 8, what="value")',
            limits=limits,
        ),
        submission=RACY,
    )
    (graders,) = (made.root / "graders").glob("ex*")
    (graders / "schedules.py").write_text(SCHEDULES, encoding="utf-8")
    return made


@pytest.fixture
def at(course, grade):
    """Run `grade` on that course."""

    def run(*words):
        return grade(*words, "--course", course.root, tiny=False, cwd=course.root)

    return run


@pytest.fixture
def failed(at):
    """The report of the racy submission, and each check's token."""
    done = at("ex1", "submission.py", "--format", "json")
    checks = json.loads(done.stdout)["checks"]
    assert [check["verdict"] for check in checks] == ["failed", "failed"], done.stdout
    return {check["id"]: check["replay"] for check in checks}


def change(course, text):
    (course.root / "submission.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("check", "seen"), [("R1", "the value is 1"), ("R2", "visit 1 was held")]
)
def test_a_failing_schedule_fails_again_and_is_shown_again(failed, at, check, seen):
    again = at("replay", failed[check], "submission.py")
    assert again.returncode == 1, again.stdout + again.stderr
    assert seen in again.stdout
    assert "self.value += 1" in again.stdout
    assert "has changed" not in again.stdout
    as_json = at("replay", failed[check], "submission.py", "--json")
    assert as_json.returncode == 1
    told = json.loads(as_json.stdout)
    assert (told["check"], told["verdict"], told["fits"]) == (check, "failed", True)
    if check == "R1":  # an order is repeated exactly, and so is its token
        assert told["replay"] == told["token"] == failed[check]


def test_the_report_prints_the_command(at, failed, course):
    shown = at("ex1", "submission.py", "--only", "R1").stdout
    assert "Repeat exactly this schedule:" in shown
    assert f"grade replay {failed['R1']} submission.py --course {course.root}" in shown


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(("R1", SAFE, False), id="an order is one of one text"),
        pytest.param(("R2", SAFE, True), id="the place of the stall is still there"),
        pytest.param(("R2", WITHOUT_THE_PLACE, False), id="the place is gone"),
    ],
)
def test_a_mended_file_no_longer_fails(failed, at, course, case):
    check, mended, fits = case
    change(course, mended)
    again = at("replay", failed[check], "submission.py")
    assert again.returncode == 0, again.stdout + again.stderr
    assert ("Your file has changed" in again.stdout) is not fits
    said = "This schedule no longer fails." if fits else "No schedule fails any more."
    assert said in again.stdout


def test_a_changed_file_that_is_still_wrong_gets_a_token_of_its_own(failed, at, course):
    change(course, f"{RACY}\n\nunrelated = 1\n")
    told = json.loads(at("replay", failed["R1"], "submission.py", "--json").stdout)
    assert (told["verdict"], told["fits"]) == ("failed", False)
    again = at("replay", told["replay"], "submission.py")
    assert again.returncode == 1
    assert "has changed" not in again.stdout


def test_a_stall_still_fits_where_its_place_is_the_same(failed, at, course):
    change(course, f"{RACY}\n\nunrelated = 1\n")
    again = at("replay", failed["R2"], "submission.py")
    assert again.returncode == 1
    assert "has changed" not in again.stdout


def test_what_cannot_be_explored_is_said_and_is_no_pass(failed, at, course):
    change(course, BLOCKING)
    again = at("replay", failed["R1"], "submission.py")
    assert again.returncode == 3, again.stdout
    assert "could not be repeated on this machine" in again.stdout


def test_a_file_that_cannot_be_imported_fails(failed, at, course):
    change(course, "raise RuntimeError('not today')\n")
    for token in failed.values():
        again = at("replay", token, "submission.py")
        assert again.returncode == 1
        assert "RuntimeError: not today" in again.stdout


def test_bad_tokens_and_paths_are_one_line_and_exit_code_2(failed, at):
    good = failed["R1"]
    elsewhere = ReplayToken.read(good)
    for words in (
        ("nonsense",),
        (good[:-9],),
        (good.replace("R1", "R2"),),
        (good, "nowhere.py"),
        (good,),  # no workspace here
        (_changed(elsewhere, exercise="ex77"), "submission.py"),
        (_changed(elsewhere, check="R9"), "submission.py"),
    ):
        done = at("replay", *words)
        assert done.returncode == 2, done.stdout + done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stdout == ""


def test_an_engine_token_that_is_none_is_one_that_does_not_fit(failed, at):
    odd = _changed(ReplayToken.read(failed["R1"]), inner="rc1.AAAA")
    done = at("replay", odd, "submission.py")
    assert done.returncode == 1  # the search was made again, and found it again
    assert "has changed" in done.stdout


def _changed(token, **changes):
    fields = {name: getattr(token, name) for name in ReplayToken.__slots__}
    return ReplayToken(**{**fields, **changes}).write()


def test_a_token_holds_what_it_was_given_and_nothing_else():
    token = ReplayToken(
        exercise="ex3",
        check="R2",
        kind="order",
        name="program",
        number=300,
        inner="rc1.a-_.b",
    )
    assert ReplayToken.read(token.write()) == token
    # A worker may send anything; nothing of it may reach a shell.
    for inner in ("", "$(reboot)", "a b", "a;b", "a\nb", "x" * 5000, "\x1b[2J"):
        assert _changed(token, inner=inner) == ""
    for text in (
        "",
        "ex3.R2",
        token.write() + "0",
        token.write().replace("300", "301"),
    ):
        with pytest.raises(BadReplayTokenError):
            ReplayToken.read(text)
