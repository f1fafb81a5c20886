"""When time is up: who waits for ever hangs; who lacks a core may go on."""

from collections.abc import Callable, Iterator

import pytest

from racecourse.model.exercise import Limits
from racecourse.sandbox.endings import Hung
from racecourse.sandbox.handle import Worker
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload

_SCENARIOS = """
import os, threading, time

def work(cpu_s):
    end = time.process_time() + cpu_s
    while time.process_time() < end:
        pass
    return "done"

def work_in_a_child(cpu_s):
    if os.fork() == 0:
        work(cpu_s)
        os._exit(0)
    os.wait()
    return "done"

def wait():
    threading.Event().wait()
"""
_WITHIN_S = 0.2  # far less than the work takes
_WORK_S = 0.6


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    zygote = Zygote(lanes=1)
    yield zygote.first_lane()
    assert zygote.close()


@pytest.fixture
def start(lane: Lane) -> Iterator[Callable[[float], Worker]]:
    """A function that starts a worker with a hang budget of so many seconds."""
    started: list[Worker] = []

    def start(wall_s: float) -> Worker:
        payload = Payload(solution="", hidden={"scenarios.py": _SCENARIOS})
        worker = lane.launch(payload, Limits(wall_s=wall_s))
        worker.load(LoadOptions(scenarios="scenarios"), within_s=20)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.close()


@pytest.mark.parametrize("scenario", ["work", "work_in_a_child"])
def test_who_works_goes_on_until_it_had_the_budget_as_cpu_time(
    start: Callable[[float], Worker], scenario: str
):
    worker = start(100.0)
    number = worker.begin(scenario, {"cpu_s": _WORK_S})
    assert worker.answer(number, within_s=_WITHIN_S) == "done"


@pytest.mark.parametrize("scenario", ["work", "work_in_a_child"])
def test_who_had_it_hangs(start: Callable[[float], Worker], scenario: str):
    worker = start(_WITHIN_S)
    number = worker.begin(scenario, {"cpu_s": 1000})
    with pytest.raises(Hung):
        worker.answer(number, within_s=_WITHIN_S)
    assert worker.cpu_seconds() < 100


def test_who_waits_for_ever_hangs(start: Callable[[float], Worker]):
    worker = start(100.0)
    number = worker.begin("wait", {})
    with pytest.raises(Hung):
        worker.answer(number, within_s=_WITHIN_S)
    assert worker.cpu_seconds() < 100
