"""Random walk: at every point, any task that can run is as likely as any other.

The baseline of Thomson, Donaldson and Betts, "Concurrency Testing Using
Controlled Schedulers" (TOPC 2016). No guarantee beyond this: each schedule has a
positive probability, and deep ones a very small one.
"""

from __future__ import annotations

import functools
from math import log
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import random

    from racecourse.engine.strategies.base import Moment


class RandomWalk:
    """Chooses uniformly, and draws in one go for how long a choice will stand.

    The number of points at which the same task would be drawn again is
    geometric; drawing it at once replaces a question at each of them. When it is
    used up, the walk must leave: that is what ended it.
    """

    wants_steps: ClassVar[bool] = False

    def __init__(self, rng: random.Random) -> None:
        self.patience = 0
        self._draw = rng.random
        self._options: tuple[int, ...] = ()
        self._promised = -1

    def choose(self, moment: Moment) -> int:
        """Return a task drawn uniformly."""
        options = moment.options
        if moment.passed == self._promised and options is self._options:
            options = tuple([o for o in options if o != moment.task])
        chosen = options[int(self._draw() * len(options))]
        # P(stay) = 1/n at each point, so P(stay >= k) = n ** -k.
        self.patience = int(log(1.0 - self._draw()) * _scale(len(moment.options)))
        self._options, self._promised = moment.options, self.patience
        return chosen

    def demote(self, task: int) -> None:
        """Do nothing: a walk without memory starves nobody."""

    def ended(self, passed: int) -> None:
        """Need nothing."""


@functools.cache
def _scale(options: int) -> float:
    return -1.0 / log(options)
