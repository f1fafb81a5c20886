"""Replay: repeat the decisions of a schedule, and take the default elsewhere.

Decisions are found again by who stood where: the k-th point of a task, not the
k-th point of the execution. A schedule from which decisions were dropped
therefore still means something, which is what shrinking needs.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, ClassVar

from racecourse.engine.strategies.base import FOREVER

if TYPE_CHECKING:
    from racecourse.engine.schedule import Schedule
    from racecourse.engine.strategies.base import Moment


class Replay:
    """Follows a schedule as far as it can be followed."""

    wants_steps: ClassVar[bool] = False

    def __init__(self, schedule: Schedule) -> None:
        self.patience = 0
        # Several decisions may stand at one point: time passes, then a task runs.
        self._wanted: dict[tuple[int, int], deque[int]] = defaultdict(deque)
        self._points: dict[int, list[int]] = defaultdict(list)
        for decision in schedule.decisions:
            self._wanted[decision.task, decision.point].append(decision.chosen)
            self._points[decision.task].append(decision.point)

    def choose(self, moment: Moment) -> int:
        """Return the decision that was taken here, if it is still possible."""
        chosen = self._decided(moment)
        self.patience = self._patience(moment, chosen)
        return chosen

    def _decided(self, moment: Moment) -> int:
        wanted = self._wanted.get((moment.task, moment.point))
        if wanted:
            chosen = wanted.popleft()
            if chosen in moment.options:
                return chosen
        return moment.default

    def _patience(self, moment: Moment, chosen: int) -> int:
        """Count the points up to the next decision of the same task."""
        if chosen != moment.task:
            return 0
        later = [p for p in self._points.get(chosen, ()) if p > moment.point]
        return min(later) - moment.point - 1 if later else FOREVER

    def demote(self, task: int) -> None:
        """Do nothing: the schedule was found under the same fairness rule."""

    def ended(self, passed: int) -> None:
        """Need nothing."""
