"""The memory of a worker's tree, as the supervisor sees it."""

from collections.abc import Iterator

import pytest

from racecourse.checks import MemoryWatch, Submission
from racecourse.model.exercise import Limits
from racecourse.sandbox.handle import Worker
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload

_SCENARIOS = """
import multiprocessing
from racecourse.sandbox import stage

def hold(mib):
    block = bytearray(mib << 20)
    block[::4096] = b"1" * len(range(0, len(block), 4096))
    stage.wait("go")

def here(mib):
    hold(mib)

def in_children(mib, count):
    crowd = [multiprocessing.Process(target=hold, args=(mib,)) for _ in range(count)]
    for each in crowd: each.start()
    for each in crowd: each.join()
"""


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    zygote = Zygote(lanes=1, preload=["multiprocessing.popen_fork"])
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


class _Submission(Submission):
    """A submission whose worker has been started already."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker


@pytest.mark.parametrize(
    ("scenario", "args", "touched_mib"),
    [("here", {"mib": 60}, 60), ("in_children", {"mib": 40, "count": 3}, 120)],
)
def test_what_the_tree_touches_is_seen_while_it_is_held(
    worker: Worker, scenario: str, args: dict[str, int], touched_mib: int
):
    with MemoryWatch(_Submission(worker)) as memory:
        number = worker.begin(scenario, args)
        holders = args.get("count", 1)
        assert worker.stage.until(lambda s: s.waiting("go") == holders, within_s=20)
        held_mib = memory.level_mib() - memory.before_mib
        worker.stage.open("go")
        worker.answer(number, within_s=20)
        after_mib = memory.level_mib() - memory.before_mib
    # Above it by what three forked interpreters write to; half of that would be theirs.
    # Below it by what more processes share meanwhile: each counts its part only.
    assert touched_mib * 0.9 <= held_mib < touched_mib * 1.4
    assert memory.rise_mib >= held_mib
    assert after_mib < 10


def test_the_watch_sees_a_peak_that_nobody_asks_for(worker: Worker):
    with MemoryWatch(_Submission(worker)) as memory:
        number = worker.begin("here", {"mib": 60})
        assert worker.stage.until(lambda s: s.waiting("go"), within_s=20)
        # Held until the watch has looked by itself.
        looks = 0
        while memory.rise_mib < 54 and looks < 200:
            worker.stage.until(lambda s: s.count("never"), within_s=0.05)
            looks += 1
        worker.stage.open("go")
        worker.answer(number, within_s=20)
    assert memory.rise_mib >= 54
