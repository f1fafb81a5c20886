"""A supervisor that is killed or interrupted leaves its journal, and nothing running."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from racecourse.grading.journal import read_results
from tests.conftest import Course, Probe, hear_interrupts

pytestmark = pytest.mark.usefixtures("nothing_left")

_WAIT = """def b():
    import os, threading
    if os.fork() == 0:
        os.setsid()
    open({fifo!r}, "w").close()
    threading.Event().wait()
"""


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Opened for writing by what the test waits for: no clock orders the two."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def _start(course: Course, sandbox: str = "plain") -> subprocess.Popen[str]:
    """Grade; at the level `plain`, where a submission can reach the test's fifo."""
    return subprocess.Popen(
        course.command(lanes=2, sandbox=sandbox),
        env=course.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - no other thread runs here
    )


def _two_checks(make_course: Callable[..., Course], fifo: Path) -> Course:
    return make_course(
        Probe(id="A", scenario="def a():\n    return 42"),
        Probe(
            id="B",
            scenario=_WAIT.format(fifo=str(fifo)),
            options='needs = ["A"]',
            limits={"wall_s": 60},
        ),
    )


def test_a_killed_supervisor_leaves_every_finished_check(
    make_course: Callable[..., Course], fifo: Path
):
    course = _two_checks(make_course, fifo)
    with _start(course) as grading:
        fifo.read_text(encoding="ascii")  # B runs, so A is in the journal
        grading.kill()
    assert [result.check_id for result in read_results(course.journal)] == ["A"]


def test_a_killed_supervisor_leaves_nothing_in_a_world_of_its_own(
    make_course: Callable[..., Course],
):
    """At the strongest level there is here; the journal tells that B has begun."""
    course = make_course(
        Probe(id="A", scenario="def a():\n    return 42"),
        Probe(
            id="B",
            scenario=_WAIT.format(fifo=os.devnull),
            options='needs = ["A"]',
            limits={"wall_s": 60},
        ),
    )
    with _start(course, sandbox="auto") as grading:
        while not (course.journal.exists() and read_results(course.journal)):
            select.poll().poll(5)
        grading.kill()
    assert [result.check_id for result in read_results(course.journal)] == ["A"]


def test_a_supervisor_killed_during_the_first_look_leaves_nothing(
    make_course: Callable[..., Course], fifo: Path
):
    course = make_course(
        Probe(id="A"), submission=f"open({str(fifo)!r}, 'w').close()\nwhile True: pass"
    )
    with _start(course) as grading:
        fifo.read_text(encoding="ascii")
        grading.kill()
    assert not course.journal.exists() or read_results(course.journal) == ()


def test_ctrl_c_gives_a_report_of_what_is_known(
    make_course: Callable[..., Course], fifo: Path
):
    course = _two_checks(make_course, fifo)
    with _start(course) as grading:
        fifo.read_text(encoding="ascii")
        grading.send_signal(signal.SIGINT)
        printed, complaints = grading.communicate(timeout=30)
    assert complaints == ""
    report = json.loads(printed)
    assert report["interrupted"]
    assert [each["id"] for each in report["checks"]] == ["A"]
    assert course.left() == []
