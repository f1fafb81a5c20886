"""PCT: random priorities that change at a few random moments.

Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with
Probabilistic Guarantees of Finding Bugs" (ASPLOS 2010). An execution of n tasks
and k steps meets a given bug of depth d with probability at least
1 / (n * k ** (d - 1)). Here k is estimated from earlier executions, and steps count
only where more than one task could run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from racecourse.engine.strategies.base import FOREVER

if TYPE_CHECKING:
    import random

    from racecourse.engine.strategies.base import Moment


class PCT:
    """The task with the highest priority runs."""

    wants_steps: ClassVar[bool] = False

    def __init__(self, rng: random.Random, *, steps: int, depth: int) -> None:
        self.patience = 0
        self._draw = rng.random
        self._changes = sorted(draw_change_points(rng, steps=steps, depth=depth))
        self._priorities: dict[int, float] = {}
        self._lowest = 0.0
        self._step = 0

    def choose(self, moment: Moment) -> int:
        """Return the option with the highest priority."""
        self._step += moment.passed
        while self._changes and self._changes[0] <= self._step:
            del self._changes[0]
            self.demote(moment.task)
        self._step += 1
        priorities = self._priorities
        for option in moment.options:
            if option not in priorities:
                priorities[option] = self._draw()
        next_change = self._changes[0] if self._changes else FOREVER
        self.patience = next_change - self._step
        return max(moment.options, key=priorities.__getitem__)

    def demote(self, task: int) -> None:
        """Give the task a priority below all others."""
        self._lowest -= 1.0
        self._priorities[task] = self._lowest

    def ended(self, passed: int) -> None:
        """Need nothing."""


def draw_change_points(rng: random.Random, *, steps: int, depth: int) -> frozenset[int]:
    """Choose the steps at which the running task loses its priority.

    Step 0 is never drawn: before any task has run there is nothing to demote.

    Args:
        rng: The only source of randomness read here.
        steps: Upper bound on decisions in one execution.
        depth: Bug depth d; d - 1 points are drawn, fewer if steps run out.

    Raises:
        ValueError: If depth is below 1.
    """
    if depth < 1:
        raise ValueError("A bug has depth 1 at least.")
    possible = range(1, max(steps, 1) + 1)
    return frozenset(rng.sample(possible, min(depth - 1, len(possible))))
