"""The portfolio: which strategies look at a program, in which order, how often.

Budgets are run counts, never seconds: a verdict must not depend on the machine.
Seeds are fixed: the same program gets the same verdict every time.
"""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

from racecourse.engine.strategies.pct import PCT
from racecourse.engine.strategies.pos import POS
from racecourse.engine.strategies.random_walk import RandomWalk
from racecourse.engine.strategies.surw import SURW

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from racecourse.engine.strategies.base import Strategy

_PCT_DEPTHS = (2, 3, 4)
_KINDS = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many executions each stage of a search may use."""

    systematic: int = 2_500
    """Delay-bounded executions; a level that does not fit is left out."""
    delays_max: int = 3
    sampled: int = 1_600
    """Executions of the fixed-seed portfolio."""
    overslept: int = 400
    """Further ones in which time may pass early, if the program sleeps at all."""
    cancelled: int = 200
    """Suspensions of the task named "victim" at which it is cancelled."""
    shrinking: int = 200

    @classmethod
    def of_runs(cls, runs: int) -> Budget:
        """Spread a number of runs over the stages as the default budget does."""
        whole = cls()
        total = whole.systematic + whole.sampled + whole.overslept
        return cls(
            systematic=max(1, runs * whole.systematic // total),
            sampled=max(1, runs * whole.sampled // total),
            overslept=max(1, runs * whole.overslept // total),
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What earlier executions told about a program."""

    decisions: int
    """How often more than one task could run."""
    counts: Counter[tuple[int, str]]
    """Accesses per task and label."""

    def labels(self) -> tuple[str, ...]:
        """Return the labels of which more than one task makes accesses."""
        tasks: dict[str, set[int]] = {}
        for task, label in self.counts:
            tasks.setdefault(label, set()).add(task)
        return tuple(sorted(label for label, by in tasks.items() if len(by) > 1))


def sample(profile: Profile, *, seed: int, count: int) -> Iterator[Strategy]:
    """Generate the strategies of `count` executions: POS, SURW, PCT and a walk in turn.

    No one of them is best on every program: the published mean numbers of schedules
    to the first bug differ by factors of a hundred in both directions.
    """
    rng = random.Random(seed)
    labels = profile.labels()
    for run in range(count):
        round_, turn = divmod(run, _KINDS)
        if turn == 0:
            yield POS(rng)
        elif turn == 1 and labels:
            label = labels[round_ % len(labels)]
            yield SURW(rng, label=label, weights=_weights(profile, label))
        elif turn % 2 == 0:
            depth = _PCT_DEPTHS[round_ % len(_PCT_DEPTHS)]
            yield PCT(rng, steps=profile.decisions, depth=depth)
        else:
            yield RandomWalk(rng)


def oversleep(profile: Profile, *, seed: int, count: int) -> Iterator[Strategy]:
    """Generate strategies for executions in which time may pass early."""
    rng = random.Random(seed)
    for run in range(count):
        if run % 2:
            yield RandomWalk(rng)
        else:
            yield PCT(rng, steps=profile.decisions, depth=2 + run % 3)


def _weights(profile: Profile, label: str) -> dict[int, int]:
    return {
        task: count for (task, name), count in profile.counts.items() if name == label
    }
