"""When time is up: who waits for ever hangs; who stood in the queue for a core goes on."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import pytest

from racecourse.model.exercise import Limits
from racecourse.sandbox import tree
from racecourse.sandbox.endings import Hung
from racecourse.sandbox.handle import Worker
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload

_SCENARIOS = """
import threading, time

def nap(s):
    time.sleep(s)
    return "done"

def wait():
    threading.Event().wait()
"""
_WITHIN_S = 0.2  # less than the nap takes
_NAP_S = 0.8


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


def test_who_stood_in_the_queue_for_a_core_gets_that_time_back(
    start: Callable[[float], Worker], monkeypatch: pytest.MonkeyPatch
):
    worker = start(100.0)
    monkeypatch.setattr(worker, "queued_s", lambda: 50.0)
    number = worker.begin("nap", {"s": _NAP_S})
    assert worker.answer(number, within_s=_WITHIN_S) == "done"


def test_and_gets_it_back_once(
    start: Callable[[float], Worker], monkeypatch: pytest.MonkeyPatch
):
    worker = start(100.0)
    monkeypatch.setattr(worker, "queued_s", lambda: _NAP_S)
    first = worker.begin("nap", {"s": _NAP_S})
    assert worker.answer(first, within_s=_WITHIN_S) == "done"
    second = worker.begin("nap", {"s": _NAP_S})
    with pytest.raises(Hung):
        worker.answer(second, within_s=_WITHIN_S)


def test_there_is_an_end_to_it(
    start: Callable[[float], Worker], monkeypatch: pytest.MonkeyPatch
):
    """A hang budget is stretched to four times its length, not more."""
    worker = start(0.1)
    monkeypatch.setattr(worker, "queued_s", lambda: 1000.0)
    number = worker.begin("wait", {})
    with pytest.raises(Hung):
        worker.answer(number, within_s=_WITHIN_S)


def test_on_a_machine_with_cores_to_spare_there_is_nothing_to_give_back(
    start: Callable[[float], Worker], monkeypatch: pytest.MonkeyPatch
):
    worker = start(100.0)
    monkeypatch.setattr(worker, "queued_s", lambda: 0.0)
    number = worker.begin("nap", {"s": 1000})
    with pytest.raises(Hung):
        worker.answer(number, within_s=_WITHIN_S)


def _spin_on_one_core(begun: Synchronized, for_s: float) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with begun.get_lock():
        begun.value += 1
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        pass


def test_two_on_one_core_stand_in_the_queue_about_half_of_the_time():
    """The kernel's own count; where there is none, it is nothing."""
    context = multiprocessing.get_context("fork")
    begun = context.Value("i", 0)
    crowd = [
        context.Process(target=_spin_on_one_core, args=(begun, 600.0)) for _ in range(2)
    ]
    for each in crowd:
        each.start()
    try:
        pids = [each.pid for each in crowd if each.pid]
        deadline = time.monotonic() + 60
        queued_s = 0.0
        while queued_s < 0.2 and time.monotonic() < deadline:
            queued_s = tree.queued_seconds(pids)
        counted = Path("/proc/self/schedstat").exists()
        assert (queued_s >= 0.2) is counted
    finally:
        for each in crowd:
            each.kill()
            each.join()
