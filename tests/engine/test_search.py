"""Small programs have known numbers of schedules; here they are written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racecourse.engine import (
    Budget,
    Kind,
    Limits,
    Verdict,
    explore_file,
    explore_source,
    replay,
)
from racecourse.engine.program import Program, Source
from racecourse.engine.schedule import BadTokenError

if TYPE_CHECKING:
    from pathlib import Path

TWO_INCREMENTS = """
import threading

class Counter:
    value = 0

def work(counter, times):
    for _ in range(times):
        counter.value += 1

def run(times):
    counter = Counter()
    threads = [threading.Thread(target=work, args=(counter, times)) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counter.value

def program():
    assert run(1) == 2

def never_fails():
    assert run(1) in (1, 2)
"""


def _program(source: str, function: str = "program") -> Program:
    sources = (Source(module="program", path="program.py", text=source),)
    return Program(sources=sources, function=function)


def test_a_bare_increment_is_caught_with_one_decision():
    report = explore_source(TWO_INCREMENTS)
    assert report.verdict is Verdict.FAILED
    assert report.failure is not None
    assert report.failure.kind is Kind.ASSERTION
    assert report.schedule is not None
    assert len(report.schedule) == 1


def test_one_delay_has_one_schedule_for_each_decision():
    """The serial run of two tasks, a read and a write each, has eight decisions.

    At each of the two starts (2), when the main task begins to wait (1), before
    task 1 reads and writes (2), at its end, where the main task can go on and task 2
    can begin (1), and before task 2 reads and writes (2). One delay at any of them
    is one schedule; with the serial one that makes nine.
    """
    report = explore_source(
        TWO_INCREMENTS,
        "never_fails",
        budget=Budget(delays_max=1, sampled=0, overslept=0),
    )
    assert report.verdict is Verdict.NOTHING_FOUND
    assert report.statement == (
        "Every schedule with at most 1 delay was tried (9 runs), then 0 random ones; "
        "none failed."
    )


def test_a_single_task_has_a_single_schedule():
    report = explore_source("def program():\n    assert 1 + 1 == 2\n")
    assert report.statement == "Every schedule was tried (1 runs); none failed."


def test_where_a_start_is_the_only_decision_both_ways_are_tried():
    """A task that is one C call runs before the main task goes on, or after."""
    source = """
import threading

def program():
    box = {}
    thread = threading.Thread(target=box.setdefault, args=("a", 1))
    thread.start()
    box.setdefault("b", 2)
    thread.join()
    assert len(box) == 2
"""
    report = explore_source(source)
    assert report.statement == "Every schedule was tried (2 runs); none failed."


def test_a_replayed_token_tells_the_same_story():
    report = explore_source(TWO_INCREMENTS)
    again = replay(report.token, _program(TWO_INCREMENTS))
    assert again.verdict is Verdict.FAILED
    assert again.explanation == report.explanation


def test_a_token_means_nothing_for_other_text():
    report = explore_source(TWO_INCREMENTS)
    with pytest.raises(BadTokenError):
        replay(report.token, _program(TWO_INCREMENTS + "\n# changed\n"))


def test_a_damaged_token_is_refused():
    with pytest.raises(BadTokenError):
        replay("rc1.nonsense")
    with pytest.raises(BadTokenError):
        replay("nonsense")


def test_a_program_that_is_not_python_is_refused_by_name():
    report = explore_source("def program(:\n")
    assert report.verdict is Verdict.COULD_NOT_RUN
    assert "program.py" in report.explanation


def test_a_missing_function_is_refused_by_name():
    report = explore_source("x = 1\n", "absent")
    assert report.verdict is Verdict.COULD_NOT_RUN
    assert "'absent'" in report.explanation


IF_FOR_WHILE = """
import threading

def program():
    condition = threading.Condition()
    items = []

    def consume():
        with condition:
            if not items:
                condition.wait()
            items.pop()

    consumer = threading.Thread(target=consume)
    consumer.start()
    with condition:
        items.append(1)
        condition.notify()
    consumer.join()
"""


def test_if_around_wait_fails_only_where_early_wakeups_are_allowed():
    """One producer and one consumer: without early wake-ups `if` is good enough."""
    assert explore_source(IF_FOR_WHILE).verdict is Verdict.NOTHING_FOUND
    report = explore_source(IF_FOR_WHILE, limits=Limits(early_wakeups=True))
    assert report.verdict is Verdict.FAILED
    wait = IF_FOR_WHILE.replace("if not", "while not")
    allowed = explore_source(wait, limits=Limits(early_wakeups=True))
    assert allowed.verdict is Verdict.NOTHING_FOUND


def test_a_timeout_fires_early_only_where_that_is_allowed():
    source = """
import threading

def program():
    done = threading.Event()
    worker = threading.Thread(target=done.set)
    worker.start()
    assert done.wait(timeout=0.5)
    worker.join()
"""
    assert explore_source(source).verdict is Verdict.NOTHING_FOUND
    report = explore_source(source, limits=Limits(timeouts_may_fire=True))
    assert report.verdict is Verdict.FAILED


def test_what_is_not_under_control_is_said():
    source = "import subprocess\n\ndef program():\n    pass\n"
    report = explore_source(source)
    (said,) = report.not_under_control
    assert said == (
        "Not under control: subprocess (real processes are started as they are and "
        "not scheduled)."
    )


def test_real_processes_are_refused_by_name():
    source = """
from concurrent.futures import ProcessPoolExecutor

def program():
    ProcessPoolExecutor()
"""
    report = explore_source(source)
    assert report.verdict is Verdict.COULD_NOT_RUN
    assert "ProcessPoolExecutor" in report.explanation


def test_modules_of_one_program_can_import_one_another(tmp_path: Path):
    (tmp_path / "solution.py").write_text(
        "class Counter:\n"
        "    def __init__(self):\n"
        "        self.value = 0\n"
        "    def add(self):\n"
        "        self.value += 1\n"
    )
    (tmp_path / "scenario.py").write_text(
        "import threading\n"
        "from solution import Counter\n"
        "def program():\n"
        "    counter = Counter()\n"
        "    threads = [threading.Thread(target=counter.add) for _ in range(2)]\n"
        "    for thread in threads: thread.start()\n"
        "    for thread in threads: thread.join()\n"
        "    assert counter.value == 2\n"
    )
    report = explore_file(
        tmp_path / "scenario.py", modules={"solution": tmp_path / "solution.py"}
    )
    assert report.verdict is Verdict.FAILED
    assert "solution.py:5" in report.explanation
    assert replay(report.token).explanation == report.explanation
