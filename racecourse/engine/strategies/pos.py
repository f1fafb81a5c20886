"""POS: partial order sampling.

Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling" (CAV 2018). Each
access that comes next has a random priority and the highest is performed; accesses
that conflict with it draw again. Orders of accesses that do not conflict are
thereby not sampled over and over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import random

    from racecourse.engine.strategies.base import Moment, Step


class POS:
    """The access with the highest priority is performed."""

    wants_steps: ClassVar[bool] = True

    def __init__(self, rng: random.Random) -> None:
        self.patience = 0
        self._draw = rng.random
        self._priorities: dict[int, float] = {}

    def choose(self, moment: Moment) -> int:
        """Return the option whose next access has the highest priority."""
        priorities = self._priorities
        for option in moment.options:
            if option not in priorities:
                priorities[option] = self._draw()
        chosen = max(moment.options, key=priorities.__getitem__)
        performed = moment.steps.get(chosen)
        del priorities[chosen]
        if performed is not None:
            for option in moment.options:
                if _conflict(performed, moment.steps.get(option)):
                    priorities.pop(option, None)
        return chosen

    def demote(self, task: int) -> None:
        """Rank the task behind all others until its next access."""
        self._priorities[task] = -1.0

    def ended(self, passed: int) -> None:
        """Need nothing."""


def _conflict(performed: Step, other: Step | None) -> bool:
    return (
        other is not None
        and other.location == performed.location
        and (other.changes or performed.changes)
    )
