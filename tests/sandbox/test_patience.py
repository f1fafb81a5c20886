"""A wait is given up for the work done, or because all sleep; not for the clock alone."""

from dataclasses import dataclass
from unittest import mock

import pytest

from racecourse.sandbox.patience import Patience


@dataclass
class _Worker:
    used_s: float = 1.0
    asleep: bool = False

    def cpu_seconds(self) -> float:
        return self.used_s

    def is_asleep(self) -> bool:
        return self.asleep


@pytest.fixture
def clock():
    module = "racecourse.sandbox.patience"
    with (
        mock.patch(f"{module}.monotonic", return_value=0.0) as clock,
        mock.patch(f"{module}.os.getloadavg", return_value=(1.0, 1.0, 1.0)),
        mock.patch(f"{module}.os.cpu_count", return_value=2),
    ):
        yield clock


def test_a_search_that_gets_little_of_the_machine_may_take_long(clock: mock.Mock):
    worker = _Worker()
    patience = Patience(worker, cpu_until_s=3.0, asleep_s=4.0)
    for second in range(0, 1000, 10):
        clock.return_value = float(second)
        worker.used_s = 1.0 + second / 1000
        assert not patience.is_over()


def test_work_beyond_the_budget_ends_it(clock: mock.Mock):
    worker = _Worker()
    patience = Patience(worker, cpu_until_s=3.0, asleep_s=4.0)
    worker.used_s = 2.9
    assert not patience.is_over()
    worker.used_s = 3.1
    assert patience.is_over()


def test_only_a_long_sleep_without_a_break_ends_it(clock: mock.Mock):
    worker = _Worker()
    patience = Patience(worker, cpu_until_s=3.0, asleep_s=4.0)
    for second, asleep, over in [
        (3.0, True, False),
        (3.5, False, False),
        (7.0, True, False),
        (7.6, True, True),
    ]:
        clock.return_value, worker.asleep = second, asleep
        assert patience.is_over() is over, second


def test_there_is_an_end_to_it(clock: mock.Mock):
    patience = Patience(_Worker(), cpu_until_s=3.0, asleep_s=4.0, within_s=10.0)
    clock.return_value = 9.9
    assert not patience.is_over()
    clock.return_value = 10.0
    assert patience.is_over()


def test_who_waits_for_us_is_not_asleep_while_we_are_at_it(clock: mock.Mock):
    moves = iter(range(100))
    patience = Patience(
        _Worker(asleep=True), cpu_until_s=3.0, asleep_s=4.0, moves=lambda: next(moves)
    )
    for second in range(50):
        clock.return_value = float(second)
        assert not patience.is_over()


def test_on_a_crowded_machine_sleep_is_believed_later(clock: mock.Mock):
    with mock.patch("os.getloadavg", return_value=(10.0, 1.0, 1.0)):
        patience = Patience(_Worker(asleep=True), cpu_until_s=3.0, asleep_s=4.0)
    clock.return_value = 19.9
    assert not patience.is_over()
    clock.return_value = 20.1
    assert patience.is_over()
