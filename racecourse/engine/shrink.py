"""Shrinking: fewer decisions, the same failure.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (TSE
2002). The result is 1-minimal as far as the budget reaches: leaving out any single
decision makes the failure go away.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from racecourse.engine.schedule import Decision, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

Decisions = tuple[Decision, ...]


def shrink(
    schedule: Schedule, still_fails: Callable[[Schedule], bool], *, tries_max: int
) -> Schedule:
    """Return a schedule with a subset of the decisions for which the failure holds.

    Args:
        schedule: A schedule that fails.
        still_fails: Whether an execution under a schedule fails in the same way.
        tries_max: Upper bound on calls of `still_fails`.
    """
    tries = _Tries(still_fails, tries_max)
    if tries(()):
        return Schedule()
    return Schedule(decisions=_ddmin(schedule.decisions, tries))


class _Tries:
    """Counts the calls; when they are used up, nothing fails any more."""

    def __init__(self, still_fails: Callable[[Schedule], bool], tries_max: int) -> None:
        self._still_fails = still_fails
        self._left = tries_max

    def __call__(self, decisions: Decisions) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        return self._still_fails(Schedule(decisions=decisions))


def _ddmin(decisions: Decisions, fails: Callable[[Decisions], bool]) -> Decisions:
    parts = 2
    while len(decisions) > 1:
        smaller = _without_one_part(decisions, parts, fails)
        if smaller is not None:
            decisions = smaller
            parts = max(parts - 1, 2)
        elif parts >= len(decisions):
            break
        else:
            parts = min(parts * 2, len(decisions))
    return decisions


def _without_one_part(
    decisions: Decisions, parts: int, fails: Callable[[Decisions], bool]
) -> Decisions | None:
    """Try to leave out each of `parts` pieces in turn."""
    size = len(decisions)
    bounds = [size * part // parts for part in range(parts + 1)]
    for start, end in itertools.pairwise(bounds):
        rest = decisions[:start] + decisions[end:]
        if rest != decisions and fails(rest):
            return rest
    return None
