"""Schedules explored in a worker: proof when one fails, and no point by claims alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from racecourse.model.exploration import Exploration
from racecourse.model.verdict import Cause
from tests.conftest import Course, Probe

_SCHEDULES = """\
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

def one_thread():
    solution.Counter().add()
"""
_RACY = """\
class Counter:
    value = 0
    def add(self):
        self.value += 1
"""
_SAFE = """\
import threading
class Counter:
    value = 0
    lock = threading.Lock()
    def add(self):
        with self.lock:
            self.value += 1
"""
_DEADLOCK = """\
import threading
class Counter:
    value = 0
    lock = threading.Lock()
    def add(self):
        with self.lock, self.lock:
            self.value += 1
"""
# Racy, and it makes the search report that nothing was found, whatever is explored.
_BLINDED = (
    """\
import dataclasses
import racecourse.sandbox.exploring as exploring
from racecourse.engine import Verdict

def _blind(look):
    def blinded(*args, **options):
        report = look(*args, **options)
        return dataclasses.replace(
            report, verdict=Verdict.NOTHING_FOUND, failure=None
        )
    return blinded

if not hasattr(exploring, "blinded"):
    exploring.blinded = True
    exploring.explore_file = _blind(exploring.explore_file)
    exploring.explore_source = _blind(exploring.explore_source)

"""
    + _RACY
)
# A real pipe blocks the whole process: the engine can neither see nor end it.
_BLOCKING = """\
import os
class Counter:
    value = 2
    def add(self):
        os.read(os.pipe()[0], 1)
"""
# Right, but its threads are those of a library that the engine runs as it is.
_FOREIGN_THREADS = """\
import multiprocessing.pool, threading
class Counter:
    def add(self):
        pass
    @property
    def value(self):
        done = threading.Semaphore(0)
        pool = multiprocessing.pool.ThreadPool(1)
        pool.apply_async(int, callback=lambda _: done.release())
        done.acquire()
        pool.close()
        pool.join()
        return 2
"""

_EXPLORES = """\
must.equal(submission.call("r1"), 42, what="answer")
with submission.exploring("program", runs=100):
    pass
"""
_WITH_CLAIMS = 'evidence = ["values", "claims"]'
Judged = Callable[..., dict[str, Any]]


@pytest.fixture
def judged(make_course: Callable[..., Course]) -> Judged:
    """Return a function that judges a submission by one check with schedules."""

    def judge(
        submission: str, test: str, options: str = _WITH_CLAIMS
    ) -> dict[str, Any]:
        probe = Probe(
            id="R1",
            scenario="def r1():\n    return 42",
            test=test,
            options=options,
            limits={"wall_s": 20},
        )
        course = make_course(probe, submission=submission)
        (graders,) = (course.root / "graders").glob("ex*")
        (graders / "schedules.py").write_text(_SCHEDULES, encoding="utf-8")
        (check,) = course.grade()["checks"]
        return check

    return judge


@pytest.mark.parametrize(
    ("submission", "outcome"),
    [
        pytest.param(_RACY, ("failed", "race"), id="racy"),
        pytest.param(_SAFE, ("passed", None), id="safe"),
        pytest.param(_DEADLOCK, ("failed", "deadlock"), id="deadlock"),
        pytest.param(_BLINDED, ("failed", "tampered"), id="blinded"),
        pytest.param(_BLOCKING, ("passed", None), id="not under control"),
        pytest.param(_FOREIGN_THREADS, ("passed", None), id="threads of a library"),
    ],
)
def test_a_submission_is_judged_by_its_schedules(
    judged: Judged, submission: str, outcome: tuple[str, str | None]
):
    check = judged(submission, _EXPLORES)
    assert (check["verdict"], check["cause"]) == outcome, check["message"]
    if outcome[1] == "race":
        assert "the value is 1" in check["message"]
        assert any("self.value += 1" in line for line in check["details"])


_BOTH = """\
with submission.exploring("one_thread", "program", runs=100) as told:
    must.equal(submission.call("r1"), {wanted}, what="answer")
    must.equal([*told.values()], [None, None], what="statements within the block")
must.hold(all(told.values()), "Both have a statement afterwards.")
"""


@pytest.mark.parametrize(
    ("submission", "wanted", "cause"),
    [
        pytest.param(_SAFE, 42, None, id="both are in order"),
        pytest.param(_RACY, 42, "race", id="a schedule fails"),
        pytest.param(_RACY, 41, "wrong-result", id="the block fails too"),
    ],
)
def test_what_the_block_finds_comes_before_what_the_searches_find(
    judged: Judged, submission: str, wanted: int, cause: str | None
):
    check = judged(submission, _BOTH.format(wanted=wanted))
    assert check["cause"] == cause, check["message"]


def test_whatever_a_worker_sends_is_an_exploration_or_a_value_error():
    good = Exploration.from_plain({"kind": "deadlock", "canaries": True})
    assert (good.cause, good.canaries) == (Cause.DEADLOCK, True)
    odd = Exploration.from_plain({"kind": ["race"], "canaries": 1, "lines": "ab"})
    assert (odd.cause, odd.canaries) == (None, False)
    for nonsense in (None, 7, "x", [1]):
        with pytest.raises(ValueError, match="not an exploration"):
            Exploration.from_plain(nonsense)


@pytest.mark.parametrize(
    ("test", "options"),
    [
        pytest.param(_EXPLORES, "", id="undeclared"),
        pytest.param(
            'with submission.exploring("program", runs=100): pass',
            _WITH_CLAIMS,
            id="claims alone",
        ),
    ],
)
def test_nothing_is_awarded_for_what_a_worker_says_of_itself(
    judged: Judged, test: str, options: str
):
    check = judged(_SAFE, test, options)
    assert check["verdict"] == "grader-error", check
    report = check["message"].split()[-1].rstrip(".")
    assert "claims" in Path(report).read_text(encoding="utf-8")
