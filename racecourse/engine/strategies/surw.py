"""SURW: selectively uniform random walk.

Zhao et al., "Selectively Uniform Concurrency Testing" (ASPLOS 2025). For a chosen
set of interesting accesses, here all those of one label, every order in which they
can interleave is about equally likely. A plain walk is not uniform: it favours
orders in which short tasks end early. The remedy is to weigh each task by the
interesting accesses that it still has to make, counted in an earlier execution.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from racecourse.engine.strategies.base import Moment


class Profiler:
    """Runs serially and counts the accesses of each task by label."""

    wants_steps: ClassVar[bool] = True

    def __init__(self) -> None:
        self.patience = 0
        self.counts: Counter[tuple[int, str]] = Counter()
        self.decisions = 0

    def choose(self, moment: Moment) -> int:
        """Return the default."""
        self.decisions += 1
        step = moment.steps.get(moment.task)
        if step is not None:
            self.counts[moment.task, step.label] += 1
        return moment.default

    def demote(self, task: int) -> None:
        """Do nothing: round robin starves nobody."""

    def ended(self, passed: int) -> None:
        """Need nothing."""


class SURW:
    """Walks uniformly over the orders of one kind of access."""

    wants_steps: ClassVar[bool] = True

    def __init__(
        self, rng: random.Random, *, label: str, weights: Mapping[int, int]
    ) -> None:
        self.patience = 0
        self._draw = rng.random
        self._label = label
        self._weights = dict(weights)
        self._intended: int | None = None
        """The task that makes the next interesting access."""

    def choose(self, moment: Moment) -> int:
        """Return a task at random, keeping interesting accesses for the intended one."""
        if self._intended not in moment.options:
            self._intended = self._draw_intended(moment.options)
        free = [
            option
            for option in moment.options
            if option == self._intended or not self._is_interesting(moment, option)
        ]
        chosen = free[int(self._draw() * len(free))]
        if chosen == self._intended and self._is_interesting(moment, chosen):
            self._weights[chosen] = max(0, self._weights.get(chosen, 0) - 1)
            self._intended = None
        return chosen

    def _is_interesting(self, moment: Moment, option: int) -> bool:
        step = moment.steps.get(option)
        return step is not None and step.label == self._label

    def _draw_intended(self, options: tuple[int, ...]) -> int:
        total = sum(self._weights.get(option, 0) for option in options)
        drawn = self._draw() * total
        for option in options:
            drawn -= self._weights.get(option, 0)
            if drawn < 0:
                return option
        return options[int(self._draw() * len(options))]

    def demote(self, task: int) -> None:
        """Let another task make the next interesting access."""
        if self._intended == task:
            self._intended = None

    def ended(self, passed: int) -> None:
        """Need nothing."""
