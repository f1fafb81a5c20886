"""Does the engine ever accuse a correct program? Counts schedules; judges nothing.

    python bench/twins.py                 10,000 schedules for every correct twin
    python bench/twins.py --runs 500      fewer
    python bench/twins.py account stack   only some

Runs the correct half of each file of `tests/engine/programs` under random strategies
with fixed seeds: POS, SURW, PCT and random walk in turn, as the default search does,
and, if the program sleeps, a fifth of the schedules with time that passes early. Prints
a line for each program and each false alarm; exits with 1 if there was one.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from racecourse.engine.explore import _surroundings
from racecourse.engine.failures import Failure
from racecourse.engine.portfolio import Budget, oversleep, sample
from racecourse.engine.program import read_program
from racecourse.engine.schedule import Limits
from racecourse.engine.search import Search
from racecourse.engine.strategies.base import Strategy
from racecourse.engine.threads.bench import ThreadBench, World

PROGRAMS = Path(__file__).resolve().parent.parent / "tests" / "engine" / "programs"
SEED = 20_000
"""Away from the seed of the default search: other schedules than the tests have."""
OVERSLEPT_SHARE = 5


class Twin(Search):
    """A search that goes on to the last schedule, whatever it meets."""

    def __init__(self, bench: ThreadBench, runs: int) -> None:
        super().__init__(bench, Budget(), Limits(), SEED)
        self._wanted = runs

    def failures(self) -> Iterator[Failure | None]:
        """Yield what each execution ended with."""
        self.learn()
        yield None if self._finding is None else self._finding.failure
        overslept = self._wanted // OVERSLEPT_SHARE if self._slept else 0
        for strategy, limits in self._planned(self._wanted - overslept, overslept):
            yield self._bench.execute(strategy, limits).failure

    def _planned(self, plain: int, overslept: int) -> Iterator[tuple[Strategy, Limits]]:
        profile, plainly = self._profile(), Limits()
        early = dataclasses.replace(plainly, sleepers_may_oversleep=True)
        for strategy in sample(profile, seed=SEED, count=plain):
            yield strategy, plainly
        for strategy in oversleep(profile, seed=SEED, count=overslept):
            yield strategy, early


def alarms(path: Path, runs: int) -> tuple[int, list[Failure]]:
    """Return how many schedules were run, and the failures among them."""
    program = read_program(path, "correct")
    with _surroundings(program):
        twin = Twin(ThreadBench(program, World()), runs)
        met = list(twin.failures())
    return len(met) - 1, [failure for failure in met if failure is not None]


def main() -> None:
    """Run and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="default: every program")
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    paths = [PROGRAMS / f"{name}.py" for name in options.names]
    total = accused = 0
    for path in paths or sorted(PROGRAMS.glob("*.py")):
        begun = time.perf_counter()
        runs, false = alarms(path, options.runs)
        wall = time.perf_counter() - begun
        print(f"{path.stem}: {runs} schedules, {len(false)} alarms, {wall:.0f} s")
        for failure in false[:3]:
            print(f"  {failure.kind.value} {failure.error}: {failure.message}")
        sys.stdout.flush()
        total += runs
        accused += len(false)
    version = sys.version.split()[0]
    print(f"{total} schedules, {accused} false alarms; Python {version}")
    sys.exit(bool(accused))


if __name__ == "__main__":
    main()
