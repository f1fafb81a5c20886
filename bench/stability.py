"""How often does a submission get the same verdicts? Writes docs/stability.md.

    python bench/stability.py --runs 200 --load idle --load hogs --load one-core
    python bench/stability.py --runs 50 --only alternative --exercise ex3
    python bench/stability.py --races          race checks alone, and their mutants
    python bench/stability.py --speedups --load one-core     likewise, speedup checks
    python bench/stability.py --write          the table of all that was kept so far

Runs `grade verify --stability` for each load and submission, in batches, and keeps each
batch in a file: a measurement that takes days can be interrupted and goes on where it
stopped, on another day or machine. With `--at-a-time N` the load is made once, for N
series that run side by side: they load the machine as well, and it takes less long.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from racecourse.grading.catalogue import Content, load_course
from racecourse.measure.load import LOADS
from racecourse.model.verdict import Category

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "stability.md"
KEPT = ROOT / "bench" / "stability.jsonl"
RACES_IN = ("ex3", "ex5", "ex10")
"""Whose race checks rest on the schedule-exploring engine first of all."""
_RUNS = {Category.RACES: (200, 20), Category.SPEEDUP: (3, 1)}
"""Gradings of each right submission, and of each mutant."""
BATCH = 50
"""Gradings after which what was seen is kept."""
_HEAD = """# The same verdict every time

Submissions graded again and again by the real command, each time with a fresh seed: how many of the gradings
came to the same verdicts, and to which. *idle* is a machine with nothing else to do but what is said below, *hogs* one on
which four processes spin meanwhile, each in a session of its own, *one-core* pins the grader and everything it starts to one core, *half-core* gives
them half of one by a CPU quota. A row holds for the commit that it names: what a check asks may have
become more since. Written by `bench/stability.py`.

{machine}
"""
_COLUMNS = """
| exercise | submission | load | verdicts | wall time, median | worst | commit |
|---|---|---|---|---|---|---|
"""

_ALONE = {
    Category.RACES: "Race checks alone",
    Category.SPEEDUP: "Speedup checks alone",
}
_BESIDE = (
    "Several series at a time, beside other work on the same two cores, so that wall"
    " times are those of a busy machine."
)
_NOTES = dict.fromkeys(_ALONE.values(), _BESIDE)
_NOTES["Whole gradings"] = (
    "Two series or more at a time on two cores, now and then beside other work: also an"
    " idle machine was a busy one."
)


@dataclass(frozen=True)
class Wanted:
    """A series to measure: what `grade verify --stability` is asked for."""

    exercise: str
    name: str
    runs: int
    load: str
    checks: tuple[str, ...] = ()
    part: str = "Whole gradings"  # in which table it goes

    @property
    def key(self) -> str:
        """What its batches are kept under."""
        part = f" {'+'.join(self.checks)}" if self.checks else ""
        return f"{self.exercise} {self.name} {self.load}{part}"


def measure(wanted: Wanted, runs: int) -> dict[str, object]:
    """Run the command once and return what came out of so many gradings.

    The load of its name is there already.
    """
    checks = [word for check in wanted.checks for word in ("--check", check)]
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "cli.py"), "verify", wanted.exercise),
            *("--only", wanted.name, "--stability", str(runs)),
            *(*checks, "--format", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # As a student's terminal has: the kernel shares the cores out by session.
        start_new_session=True,
    )
    if not done.stdout:
        sys.exit(done.stderr)
    series = json.loads(done.stdout)["series"]
    found = next(each for each in series if each["name"] == wanted.name)
    return {**found, "load": wanted.load}


def commit() -> str:
    """Return what is measured."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - of whoever measures
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return told.stdout.strip()


def row(batches: Sequence[dict[str, Any]], commits: Sequence[str]) -> str:
    """Return all batches of one series, measured at these commits, as a row."""
    outcomes: Counter[str] = Counter()
    for each in batches:
        outcomes[each["usual"]] += each["alike"]
        outcomes.update(dict(each["others"]))
    (usual, alike), *others = outcomes.most_common()
    told = f"{alike} of {outcomes.total()} {usual}"
    if others:
        told += f" ({'; '.join(f'{times}x {text}' for text, times in others)})"
    median = statistics.median(each["median_s"] for each in batches)
    worst = max(each["worst_s"] for each in batches)
    first = batches[0]
    return (
        f"| {first['exercise']} | {first['name']} | {first['load']} | {told}"
        f" | {median:.1f} s | {worst:.1f} s | {', '.join(dict.fromkeys(commits))} |\n"
    )


def series_of_category(
    content: Content, category: Category, load: str
) -> Iterator[Wanted]:
    """Yield the series of one category of checks: right ones, then their mutants."""
    runs, mutant_runs = _RUNS[category]
    ids = tuple(c.id for c in content.exercise.checks if c.category is category)
    exercise, part = content.exercise.id, _ALONE[category]
    for name in ("reference", *alternatives_of(content)):
        yield Wanted(exercise, name, runs, load, ids, part)
    for mutant in content.mutants():
        named = tuple(check for check in mutant.caught_by if check in ids)
        if named:
            name = f"mutant {mutant.path.stem}"
            yield Wanted(exercise, name, mutant_runs, load, named, part)


def alternatives_of(content: Content) -> list[str]:
    """Return what `grade verify` calls the alternatives of an exercise."""
    return [f"alternative {path.stem}" for path in content.alternatives()]


def wanted_series(options: argparse.Namespace) -> Iterator[Wanted]:
    """Yield what the command line asks for."""
    course = load_course()
    if options.races:
        for exercise in options.exercise or RACES_IN:
            yield from series_of_category(course[exercise], Category.RACES, "idle")
        return
    for load in options.load or ():
        for exercise in options.exercise or course:
            content = course[exercise]
            if options.speedups:
                yield from series_of_category(content, Category.SPEEDUP, load)
                continue
            names = ["reference"]
            if options.only == "alternative":
                names = alternatives_of(content)
            for name in names:
                yield Wanted(exercise, name, options.runs, load)


def read_kept(path: Path) -> list[dict[str, Any]]:
    """Return the batches that were kept, oldest first."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def page(kept: Sequence[dict[str, Any]]) -> str:
    """Return the text of docs/stability.md."""
    machine = (
        f"Python {platform.python_version()}, {platform.system()}"
        f" {platform.machine()}, {os.cpu_count()} cores shared with others."
    )
    text = _HEAD.format(machine=machine)
    for part in dict.fromkeys(each["part"] for each in kept):
        text += f"\n## {part}\n\n{_NOTES[part]}\n{_COLUMNS}"
        series: dict[str, list[dict[str, Any]]] = {}
        for each in kept:
            if each["part"] == part:
                series.setdefault(each["key"], []).append(each)
        for batches in series.values():
            commits = [each["commit"] for each in batches]
            text += row([each["series"] for each in batches], commits)
    return text


def run(wanted: Wanted, kept: Path) -> None:
    """Measure what is still missing of a series, and keep it batch by batch."""
    while True:
        mine = [each for each in read_kept(kept) if each["key"] == wanted.key]
        missing = wanted.runs - sum(each["series"]["runs"] for each in mine)
        if missing <= 0:
            return
        found = measure(wanted, min(missing, BATCH))
        labels = {"part": wanted.part, "key": wanted.key, "commit": commit()}
        with kept.open("a") as file:
            file.write(json.dumps({**labels, "series": found}) + "\n")
        print(row([found], [labels["commit"]]), end="", flush=True)


def main() -> None:
    """Measure what is not kept yet, and write the tables if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--load", action="append")
    parser.add_argument("--exercise", action="append")
    parser.add_argument("--only", default="reference", help="reference or alternative")
    parser.add_argument("--races", action="store_true")
    parser.add_argument("--speedups", action="store_true")
    parser.add_argument("--at-a-time", type=int, default=1, help="series side by side")
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for load, series in groupby(wanted_series(options), lambda wanted: wanted.load):
        with LOADS[load](), ThreadPoolExecutor(options.at_a_time) as pool:
            list(pool.map(lambda wanted: run(wanted, options.kept), series))
    if options.write:
        PAGE.write_text(page(read_kept(options.kept)), encoding="utf-8")


if __name__ == "__main__":
    main()
