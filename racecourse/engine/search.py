"""The search for a failing schedule, in the order that finds most mistakes soonest.

1. One serial run, watched by the race detector.
2. A few random walks that learn which sites tasks share. Afterwards only those
   are preemption points; the choice is frozen, never made anew within a run.
3. Every schedule with one delay, with two, and with three if they are few.
   If these were all, chance has nothing to add and 4 is left out.
4. A fixed-seed portfolio of POS, SURW, PCT and random walk.
   If a coroutine task is named "victim", it is first cancelled at each of its
   suspensions in turn, under the serial schedule and a few random ones.
5. If the program sleeps: executions in which time passes although others could run,
   because a sleep orders nothing.

The first failure ends the search and is shrunk. This module decides and counts; a
`Bench` executes.
"""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Protocol

from racecourse.engine.portfolio import Budget, Profile, oversleep, sample
from racecourse.engine.schedule import Limits, Recipe, Schedule
from racecourse.engine.shrink import shrink
from racecourse.engine.strategies.delay_bounded import DelayBounded, DelaySearch
from racecourse.engine.strategies.random_walk import RandomWalk
from racecourse.engine.strategies.replay import Replay
from racecourse.engine.strategies.serial import Serial
from racecourse.engine.strategies.surw import Profiler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racecourse.engine.failures import Failure
    from racecourse.engine.happens_before import Race
    from racecourse.engine.strategies.base import Strategy

_LEARNING_SEED = 1
_LEARNING_WALKS = 6
_WALKS_PER_SUSPENSION = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the search needs to know about one execution."""

    failure: Failure | None
    rows: tuple[tuple[int, int, int], ...]
    """The decisions; see `Schedule.of`."""
    points: int
    slept: bool
    """Whether a task waited for the clock."""
    suspensions: int = 0
    """How often the task named "victim" was suspended."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What one recorded execution taught."""

    run: Run
    races: tuple[Race, ...]
    shared_sites: frozenset[int]
    visited_sites: frozenset[int]


class Bench(Protocol):
    """Executes a program; the effects behind the search."""

    def watch(self, strategy: Strategy, limits: Limits) -> Lesson:
        """Execute with a recorder; every site is a preemption point."""
        ...

    def freeze(self, shared: frozenset[int], visited: frozenset[int]) -> None:
        """Make preemption points of the shared sites and of those never visited."""
        ...

    def execute(
        self, strategy: Strategy, limits: Limits, *, every_site: bool = False
    ) -> Run:
        """Execute as fast as possible."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A failing execution and how it was met."""

    failure: Failure
    recipe: Recipe
    stage: str
    run: int
    """Number of the execution that failed; the serial run is number 1."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a search came to."""

    finding: Finding | None
    races: tuple[Race, ...]
    runs: int
    """Executions up to the first failure, shrinking not counted."""
    delays_tried: int
    """Every schedule with at most this many delays was executed; -1 if none."""
    systematic_runs: int
    sampled_runs: int
    suspensions_tried: int = 0
    """At so many suspensions in a row the task named "victim" was cancelled."""
    is_complete: bool = False
    """Whether no schedule is left, as far as preemption points reach."""
    stable: bool = True
    """Whether the failing schedule failed again in the same way."""


class Search:
    """One search; use it once."""

    def __init__(self, bench: Bench, budget: Budget, limits: Limits, seed: int) -> None:
        self._bench = bench
        self._budget = budget
        self._limits = limits
        self._seed = seed
        self._runs = 0
        self._finding: Finding | None = None
        self._is_decided = False
        self._is_complete = False
        self._races: set[Race] = set()
        self._slept = False
        self._suspensions = 0
        self._cancelled_at = 0
        self._delays_tried = -1
        self._systematic_runs = 0
        self._sampled_runs = 0

    def run(self) -> Outcome:
        """Search until the first failure or the end of the budget."""
        self.learn()
        for stage in (
            self._systematic,
            self._cancel,
            self._sample,
            self._oversleep,
        ):
            if self._is_decided:
                break
            stage()
        stable = self._shrink()
        return Outcome(
            finding=self._finding,
            races=tuple(sorted(self._races)),
            runs=self._runs,
            delays_tried=self._delays_tried,
            systematic_runs=self._systematic_runs,
            sampled_runs=self._sampled_runs,
            suspensions_tried=self._cancelled_at,
            is_complete=self._is_complete,
            stable=stable,
        )

    # Stages

    def learn(self) -> None:
        """Find out which sites tasks share. A replay needs no more of a search.

        A failure met on the way is kept, but the search goes on: schedules with few
        delays are easier to read than random ones.
        """
        # Always the same walks under the same rules: a replay must learn the same.
        limits = Limits(points_max=self._limits.points_max)
        rng = random.Random(_LEARNING_SEED)
        shared: set[int] = set()
        visited: set[int] = set()
        for number in range(1 + _LEARNING_WALKS):
            strategy = RandomWalk(rng) if number else Serial()
            lesson = self._bench.watch(strategy, limits)
            shared |= lesson.shared_sites
            visited |= lesson.visited_sites
            if number == 0:
                self._races.update(lesson.races)
            stage = "random walk" if number else "serial run"
            failed = self._book(lesson.run, stage, limits, every_site=True)
            if failed and number == 0:
                self._is_decided = True  # no schedule is simpler
                break
        self._bench.freeze(frozenset(shared), frozenset(visited))

    def _systematic(self) -> None:
        search = DelaySearch()
        self._delay_level(search, [DelayBounded()], 0)
        left = self._budget.systematic
        for level in range(1, self._budget.delays_max + 1):
            if self._is_decided:
                return
            size = search.size(level)
            if size > left or search.is_exhausted(level - 1):
                break
            left -= size
            self._delay_level(search, search.level(level), level)
        self._is_complete = search.is_exhausted(self._delays_tried)
        self._is_decided = self._finding is not None

    def _delay_level(
        self, search: DelaySearch, strategies: Iterable[DelayBounded], level: int
    ) -> None:
        for strategy in strategies:
            run = self._bench.execute(strategy, self._limits)
            self._systematic_runs += 1
            if self._book(run, _delays(level), self._limits):
                self._is_decided = True
                return
            search.learn(strategy)
        self._delays_tried = level

    def _cancel(self) -> None:
        rng = random.Random(self._seed)
        suspension = 1
        while suspension <= min(self._suspensions, self._budget.cancelled):
            limits = dataclasses.replace(self._limits, cancel_at=suspension)
            walks = [RandomWalk(rng) for _ in range(_WALKS_PER_SUSPENSION)]
            self._try_all([Serial(), *walks], limits)
            if self._is_decided:
                return
            self._cancelled_at = suspension
            suspension += 1

    def _sample(self) -> None:
        if self._is_complete:
            return  # chance has nothing to add to every schedule
        strategies = sample(
            self._profile(), seed=self._seed, count=self._budget.sampled
        )
        self._try_all(strategies, self._limits)

    def _oversleep(self) -> None:
        if not self._slept or self._limits.sleepers_may_oversleep:
            return
        limits = dataclasses.replace(self._limits, sleepers_may_oversleep=True)
        count = self._budget.overslept
        strategies = oversleep(self._profile(), seed=self._seed, count=count)
        self._try_all(strategies, limits)

    def _try_all(self, strategies: Iterable[Strategy], limits: Limits) -> None:
        for strategy in strategies:
            run = self._bench.execute(strategy, limits)
            self._sampled_runs += 1
            if self._book(run, type(strategy).__name__, limits):
                self._is_decided = True
                return

    def _profile(self) -> Profile:
        profiler = Profiler()
        self._bench.execute(profiler, self._limits)
        return Profile(decisions=profiler.decisions, counts=profiler.counts)

    # Bookkeeping

    def _book(
        self, run: Run, stage: str, limits: Limits, *, every_site: bool = False
    ) -> bool:
        """Count an execution; return whether it failed."""
        self._runs += 1
        self._slept = self._slept or run.slept
        self._suspensions = max(self._suspensions, run.suspensions)
        if run.failure is None or (every_site and self._finding is not None):
            return False
        recipe = Recipe(
            schedule=Schedule.of(run.rows), every_site=every_site, limits=limits
        )
        self._finding = Finding(
            failure=run.failure, recipe=recipe, stage=stage, run=self._runs
        )
        return True

    def _shrink(self) -> bool:
        """Replace the finding by a smaller one; return whether it failed again."""
        found = self._finding
        if found is None:
            return True
        if not self._fails(found, found.recipe.schedule):
            return False
        smaller = shrink(
            found.recipe.schedule,
            lambda schedule: self._fails(found, schedule),
            tries_max=self._budget.shrinking,
        )
        recipe = dataclasses.replace(found.recipe, schedule=smaller)
        self._finding = dataclasses.replace(found, recipe=recipe)
        return True

    def _fails(self, found: Finding, schedule: Schedule) -> bool:
        recipe = found.recipe
        run = self._bench.execute(
            Replay(schedule), recipe.limits, every_site=recipe.every_site
        )
        return found.failure.resembles(run.failure)


def _delays(level: int) -> str:
    return "1 delay" if level == 1 else f"{level} delays"
