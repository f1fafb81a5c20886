"""A hold goes on while another thread is awake, and not for ever."""

import hashlib
import sys
import threading
from collections.abc import Iterator

import pytest

from racecourse.measure.hold import LONGEST, hold

_HOLD_S = 0.02
_PAUSE = threading.Event()  # nobody sets it


@pytest.fixture
def somebody_computes() -> Iterator[None]:
    """A thread that is awake all the time, and does not need Python's own lock."""
    begun, over = threading.Event(), threading.Event()

    def compute() -> None:
        while not over.is_set():
            begun.set()
            hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000)

    thread = threading.Thread(target=compute)
    thread.start()
    begun.wait()
    yield
    over.set()
    thread.join()


def _waits_of_a_hold() -> list[float]:
    waits: list[float] = []

    def wait(within_s: float) -> bool:
        waits.append(within_s)
        return _PAUSE.wait(within_s)

    hold(wait, at_least_s=_HOLD_S)
    return waits


def test_who_is_released_goes_at_once():
    waits: list[float] = []
    hold(lambda within_s: waits.append(within_s) or True, at_least_s=_HOLD_S)
    assert waits == [_HOLD_S]


def test_two_looks_at_sleepers_end_a_hold():
    assert _waits_of_a_hold()[0] == _HOLD_S
    # Another thread of the test run may wake up for an instant, but not in every look.
    assert min(len(_waits_of_a_hold()) for _ in range(5)) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc tells who is awake")
@pytest.mark.usefixtures("somebody_computes")
def test_a_hold_goes_on_while_somebody_computes_and_ends_all_the_same():
    waits = _waits_of_a_hold()
    assert len(waits) > 3
    assert sum(waits) <= LONGEST * _HOLD_S
