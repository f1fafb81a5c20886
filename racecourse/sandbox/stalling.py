"""Stalled runs in the worker: a scenario once more, with one thread held at one place.

The submission is loaded a second time, with a point at each place where a thread can be
held. A scenario asks `solution()` for it, and so is the same code with and without a
stall:

    def crowd(submitters):
        pool = stalling.solution().ThreadPool(0, 2)

The grader's side is `Submission.stalls`; `racecourse.measure.stalls` says what a stall
can and cannot show.
"""

import functools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

from racecourse.measure import stalls

_LOOK_EVERY_S = 0.0003

_controller = stalls.StallController()


def solution() -> ModuleType:
    """Return the submission; in a stalled run the copy of it that has points."""
    return _with_points() if _controller.is_running() else sys.modules["solution"]


def pause(over: Callable[[], object] = lambda: False, *, at_most_s: float) -> None:
    """Wait until a thread is held, or something is over, or some time is."""
    deadline, look = monotonic() + at_most_s, threading.Event()
    while not _controller.is_holding() and not over() and monotonic() < deadline:
        look.wait(_LOOK_EVERY_S)


def plan(
    scenario: Callable[..., Any],
    args: Mapping[str, Any],
    *,
    visits: Sequence[int],
    limit: int,
) -> list[list[str]]:
    """Run once, every thread giving way at every place; return each stall to try.

    A stall is a token and words for the student. What came out of this run is not
    judged: whatever can go wrong in it, one of the stalls shows with its place.
    """
    _with_points()
    recording = _controller.record(lambda: scenario(**args))
    tried = stalls.plan(recording.visits, at=tuple(visits), limit=limit)
    return [[stalls.encode(each), stalls.describe(each)] for each in tried]


def find(scenario: Callable[..., Any], token: str) -> list[str]:
    """Return token and words of one stall; nothing if the submission has no such place."""
    del scenario  # the worker has looked it up: a token of another course stops there
    _with_points()
    try:
        return [token, stalls.describe(stalls.decode(token, _controller.sites))]
    except ValueError:
        return []


def run(
    scenario: Callable[..., Any], args: Mapping[str, Any], *, token: str, hold_s: float
) -> Any:
    """Run with the one stall that the token names; raises what the scenario raises."""
    stall = stalls.decode(token, _controller.sites)
    outcome = _controller.run(lambda: scenario(**args), stall, hold_s=hold_s)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


@functools.cache
def _with_points() -> ModuleType:
    path = Path(str(sys.modules["solution"].__file__))
    return _controller.load(path, "solution_with_points")
