"""A search is given up for the work it did, or because it sleeps; never for the clock."""

from dataclasses import dataclass
from unittest import mock

import pytest

from racecourse.checks.patience import Patience


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
    with mock.patch("racecourse.checks.patience.monotonic", return_value=0.0) as clock:
        yield clock


def test_a_search_that_gets_little_of_the_machine_may_take_long(clock: mock.Mock):
    worker = _Worker()
    patience = Patience(worker, cpu_s=2.0)
    for second in range(0, 1000, 10):
        clock.return_value = float(second)
        worker.used_s = 1.0 + second / 1000
        assert not patience.is_over()


def test_work_beyond_the_budget_ends_it(clock: mock.Mock):
    worker = _Worker()
    patience = Patience(worker, cpu_s=2.0)
    worker.used_s = 2.9
    assert not patience.is_over()
    worker.used_s = 3.1
    assert patience.is_over()


def test_only_a_long_sleep_without_a_break_ends_it(clock: mock.Mock):
    worker = _Worker()
    patience = Patience(worker, cpu_s=2.0)
    for second, asleep, over in [
        (3.0, True, False),
        (3.5, False, False),
        (7.0, True, False),
        (7.6, True, True),
    ]:
        clock.return_value, worker.asleep = second, asleep
        assert patience.is_over() is over, second
