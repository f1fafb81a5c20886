"""How often does a submission get the same verdicts? Writes docs/stability.md.

    python bench/stability.py --runs 200 --load idle --load hogs --load one-core
    python bench/stability.py --runs 50 --only alternative --exercise ex3
    python bench/stability.py --races          race checks alone, and their mutants
    python bench/stability.py --write          the table of all that was kept so far

Runs `grade verify --stability` for each load and exercise, one after the other, and keeps
each series in a file, so that an interrupted measurement goes on where it stopped.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from racecourse.grading.catalogue import Content, load_course
from racecourse.model.verdict import Category

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "stability.md"
RACES_IN = ("ex3", "ex5", "ex10")
"""Whose race checks rest on the schedule-exploring engine first of all."""
RACE_RUNS, MUTANT_RUNS = 200, 20
_HEAD = """# The same verdict every time

Submissions graded again and again by the real command, each time with a fresh seed: how many of the gradings
came to the same verdicts, and to which. *idle* is a machine with nothing else to do but what is said below, *hogs* one on
which four processes spin meanwhile, *one-core* pins the grader and everything it starts to one core, *half-core* gives
them half of one by a CPU quota. Written by `bench/stability.py`.

{machine}
"""
_COLUMNS = """
| exercise | submission | load | verdicts | wall time, median | worst |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Wanted:
    """A series to measure: what `grade verify --stability` is asked for."""

    exercise: str
    only: str
    runs: int
    load: str
    checks: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What it is kept under."""
        return f"{self.exercise} {self.only} {self.runs} {self.load}"

    @property
    def part(self) -> str:
        """In which table it goes."""
        return "Race checks alone" if self.checks else "Whole gradings"


def measure(wanted: Wanted) -> list[dict[str, object]]:
    """Run the command once and return its series."""
    checks = [word for check in wanted.checks for word in ("--check", check)]
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "cli.py"), "verify", wanted.exercise),
            *("--only", wanted.only, "--stability", str(wanted.runs)),
            *("--load", wanted.load, *checks, "--format", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if not done.stdout:
        sys.exit(done.stderr)
    return json.loads(done.stdout)["series"]


def row(series: dict[str, object]) -> str:
    """Return a series as a row of the table."""
    others = "; ".join(f"{times}x {text}" for text, times in series["others"])
    told = f"{series['alike']} of {series['runs']} {series['usual']}"
    told += f" ({others})" if others else ""
    return (
        f"| {series['exercise']} | {series['name']} | {series['load']} | {told}"
        f" | {series['median_s']:.1f} s | {series['worst_s']:.1f} s |\n"
    )


def races_of(content: Content) -> Iterator[Wanted]:
    """Yield the series of an exercise's race checks: right ones, then their mutants."""
    checks = content.exercise.checks
    races = tuple(each.id for each in checks if each.category is Category.RACES)
    for name in ("reference", "alternative"):
        yield Wanted(content.exercise.id, name, RACE_RUNS, "idle", races)
    for mutant in content.mutants():
        named = tuple(check for check in mutant.caught_by if check in races)
        if named:
            name = f"mutant {mutant.path.stem}"
            yield Wanted(content.exercise.id, name, MUTANT_RUNS, "idle", named)


def wanted_series(options: argparse.Namespace) -> Iterator[Wanted]:
    """Yield what the command line asks for."""
    course = load_course()
    if options.races:
        for exercise in options.exercise or RACES_IN:
            yield from races_of(course[exercise])
        return
    for load in options.load or ():
        for exercise in options.exercise or course:
            yield Wanted(exercise, options.only, options.runs, load)


def page(kept: list[dict[str, Any]]) -> str:
    """Return the text of docs/stability.md."""
    machine = (
        f"Python {platform.python_version()}, {platform.system()}"
        f" {platform.machine()}, {os.cpu_count()} cores shared with others."
    )
    text = _HEAD.format(machine=machine)
    for part in dict.fromkeys(each["part"] for each in kept):
        rows = "".join(row(each["series"]) for each in kept if each["part"] == part)
        text += f"\n## {part}\n{_COLUMNS}{rows}"
    return text


def main() -> None:
    """Measure what is not kept yet, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--load", action="append")
    parser.add_argument("--exercise", action="append")
    parser.add_argument("--only", default="reference", help="reference or alternative")
    parser.add_argument("--races", action="store_true")
    parser.add_argument("--kept", type=Path, default=ROOT / ".stability.jsonl")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    kept = []
    if options.kept.exists():
        kept = [json.loads(line) for line in options.kept.read_text().splitlines()]
    for wanted in wanted_series(options):
        if any((e["part"], e["key"]) == (wanted.part, wanted.key) for e in kept):
            continue
        found = measure(wanted)
        labels = {"part": wanted.part, "key": wanted.key}
        kept += [{**labels, "series": series} for series in found]
        with options.kept.open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in kept[-len(found) :])
        print("".join(row(series) for series in found), end="", flush=True)
    if options.write:
        PAGE.write_text(page(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
