"""The stage: what threads and processes of a worker do is seen and ordered outside."""

import multiprocessing
from collections.abc import Iterator

import pytest

from racecourse.checks import torn_update
from racecourse.model.exercise import Limits
from racecourse.sandbox.handle import Worker
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload

_SCENARIOS = """
import multiprocessing, os, threading
from racecourse.sandbox import stage

def together(n):
    with stage.inside("work", n=n):
        stage.meet("all in", parties=3, within_s=20)
    stage.note("done", drawn=stage.draw("supply"))

def threads():
    crowd = [threading.Thread(target=together, args=(n,)) for n in range(3)]
    for each in crowd: each.start()
    for each in crowd: each.join()

def processes(method):
    context = multiprocessing.get_context(method)
    crowd = [context.Process(target=together, args=(n,)) for n in range(3)]
    for each in crowd: each.start()
    for each in crowd: each.join()
    return [each.exitcode for each in crowd]

def one_by_one():
    for n in range(3):
        with stage.inside("work"):
            pass

def alone():
    return stage.meet("pair", parties=2, within_s=0.05)

def gate():
    stage.wait("gate")
    return "passed"

def killed_inside():
    for _ in range(3):
        if os.fork() == 0:
            stage._ask("enter", "work", data={})
            os.kill(os.getpid(), 9)
        os.wait()
    stage.note("all killed")

def deposits(locked, accounts):
    lock = threading.Lock() if locked else __import__("contextlib").nullcontext()
    def deposit(account):
        with lock:
            stage.write(account, stage.read(account) + 1)
    crowd = [threading.Thread(target=deposit, args=(a,)) for a in accounts]
    for each in crowd: each.start()
    for each in crowd: each.join()

def leaves_for_others():
    with stage.inside("work"):
        for _ in range(3):
            if os.fork() == 0:
                stage._ask("leave", "work", data={})
                os._exit(0)
            os.wait()
        with stage.inside("work"):
            pass
"""


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    zygote = Zygote(lanes=1)
    yield zygote.first_lane()
    assert zygote.close()


@pytest.fixture
def worker(lane: Lane) -> Iterator[Worker]:
    started = lane.launch(
        Payload(solution="", hidden={"scenarios.py": _SCENARIOS}), Limits()
    )
    started.load(LoadOptions(seed=1, scenarios="scenarios"), within_s=20)
    yield started
    started.close()


def _call(worker: Worker, target: str, **args: object) -> object:
    return worker.answer(worker.begin(target, args), within_s=30)


def _demand_three_together(worker: Worker) -> None:
    stage = worker.stage
    assert stage.peak("work") == 3
    assert stage.peak("all in") == 3
    assert stage.count("all in", "met") == 3
    assert sorted(event.data["drawn"] for event in stage.log("done")) == [7, 8, 9]
    entered = stage.log("work", "enter")
    assert sorted(event.data["n"] for event in entered) == [0, 1, 2]
    assert [e.at_ns for e in stage.log()] == sorted(e.at_ns for e in stage.log())


def test_threads_meet(worker: Worker):
    worker.stage.supply("supply", [7, 8, 9])
    _call(worker, "threads")
    _demand_three_together(worker)
    assert {event.pid for event in worker.stage.log()} == {worker.pid}


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_meet_whatever_started_them(worker: Worker, method: str):
    worker.stage.supply("supply", [7, 8, 9])
    assert _call(worker, "processes", method=method) == [0, 0, 0]
    _demand_three_together(worker)
    pids = {event.pid for event in worker.stage.log()}
    assert len(pids) == 3
    assert worker.pid not in pids


def test_one_after_the_other_is_never_two_at_once(worker: Worker):
    _call(worker, "one_by_one")
    assert worker.stage.peak("work") == 1


def test_a_meeting_that_nobody_joins_ends(worker: Worker):
    assert _call(worker, "alone") is False
    assert worker.stage.count("pair", "missed") == 1


def test_a_gate_holds_until_it_is_opened(worker: Worker):
    number = worker.begin("gate", {})
    assert worker.stage.until(lambda stage: stage.waiting("gate") == 1, within_s=20)
    worker.stage.open("gate")
    assert worker.answer(number, within_s=20) == "passed"
    assert _call(worker, "gate") == "passed"


def test_closing_opens_every_gate(worker: Worker):
    number = worker.begin("gate", {})
    assert worker.stage.until(lambda stage: stage.waiting("gate") == 1, within_s=20)
    worker.stage.open_all()
    assert worker.answer(number, within_s=20) == "passed"


def test_who_is_killed_inside_is_inside_no_longer(worker: Worker):
    _call(worker, "killed_inside")
    assert worker.stage.count("work", "enter") == 3
    assert worker.stage.until(lambda stage: not +stage._inside, within_s=20)  # noqa: SLF001


def test_who_did_not_enter_makes_no_room(worker: Worker):
    _call(worker, "leaves_for_others")
    assert worker.stage.peak("work") == 2


def test_a_kept_value_shows_an_update_that_is_not_one_step(worker: Worker):
    """Without a lock the second reader is let in before the first one writes."""
    worker.stage.keep("a", 0, hold_s=5)
    _call(worker, "deposits", locked=False, accounts=["a", "a"])
    assert worker.stage.value_of("a") == 1
    torn = torn_update(worker.stage.log(), "a")
    assert torn is not None
    assert [event.kind for event in torn] == ["read", "read"]
    assert torn[0].link != torn[1].link


def test_a_lock_makes_an_update_one_step(worker: Worker):
    """The first reader waits in vain for a second one, and nothing is lost."""
    worker.stage.keep("a", 0, hold_s=0.01)
    _call(worker, "deposits", locked=True, accounts=["a"] * 4)
    assert worker.stage.value_of("a") == 4
    assert torn_update(worker.stage.log(), "a") is None


def test_updates_of_two_values_do_not_tear_each_other(worker: Worker):
    """Who overlaps on another value is no witness against anybody."""
    for account in "ab":
        worker.stage.keep(account, 0, hold_s=0.01)
    _call(worker, "deposits", locked=False, accounts=["a", "b"])
    assert torn_update(worker.stage.log(), "a") is None
    assert torn_update(worker.stage.log(), "b") is None
