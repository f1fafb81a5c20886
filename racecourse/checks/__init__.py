"""Everything a hidden grader needs: the one module that graders import.

A grader is a pytest test that runs in the trusted supervisor. It never sees the
submission itself; it asks a worker to run scenarios beside it and judges the plain
values that come back, what the stage saw, and what can be seen of the processes.

    @check("C1")
    def test_every_item_is_consumed_once(submission, draw):
        items = draw.sample(range(1000), 20)
        seen = submission.call("thread_pipeline", items=items)
        must.have_same_items(seen["results"], items, what="results")

A check that raises nothing has passed. `Broken` (which every `must` raises) fails it;
so do the sandbox's own exceptions for a submission that raised, hung, died or broke a
limit. Any other exception is the grader's fault and costs nobody a point.
"""

from collections.abc import Callable
from typing import TypeVar

import pytest

from racecourse.checks.demands import Broken, NotMeasurable, must, same, shorten
from racecourse.checks.fifos import Fifos
from racecourse.checks.looks import (
    cpu_shares,
    handle_count,
    high_water,
    speedup_of,
    start_methods,
    told_with_stall,
    torn_update,
)
from racecourse.checks.memory import MemoryWatch
from racecourse.checks.submission import Pending, Submission
from racecourse.checks.virtual_run import VirtualRun
from racecourse.model.verdict import Cause
from racecourse.sandbox.endings import Died, Hung, LimitPassed, Raised
from racecourse.sandbox.stage_host import Event, StageHost

__all__ = [
    "Broken",
    "Cause",
    "Died",
    "Event",
    "Fifos",
    "Hung",
    "LimitPassed",
    "MemoryWatch",
    "NotMeasurable",
    "Pending",
    "Raised",
    "StageHost",
    "Submission",
    "VirtualRun",
    "check",
    "cpu_shares",
    "handle_count",
    "high_water",
    "must",
    "same",
    "shorten",
    "speedup_of",
    "start_methods",
    "told_with_stall",
    "torn_update",
]

F = TypeVar("F", bound=Callable[..., object])


def check(check_id: str) -> Callable[[F], F]:
    """Mark a test as the judge of the check with this id in `exercise.toml`."""
    return pytest.mark.check(check_id)
