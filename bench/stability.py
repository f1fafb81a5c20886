"""Does the same submission get the same verdicts every time? Counts; judges nothing.

    python bench/stability.py ex3 --runs 200 --load idle
    python bench/stability.py ex3 --runs 200 --load hogs      # 4 processes that spin
    python bench/stability.py ex3 --runs 200 --load one-core  # pinned, where Linux allows
    python bench/stability.py ex5 --runs 50 --submission PATH
    python bench/stability.py ex5 --runs 200 --only R1 R2 R3 --right     # and alternatives
    python bench/stability.py ex5 --runs 20 --only R1 R2 R3 --mutants    # of these checks
    python bench/stability.py --table series.jsonl --write               # docs/stability.md

Every run is the real command with a fresh seed. Prints for each submission how many
runs had the verdicts that are due, the wall time (median, worst) and each run that
differed. What is due: of a right submission, that every check passes; of a mutant, that
the checks that it names fail; of `--submission`, the verdicts of its first run. `--log`
adds each series to a file as a line of JSON, from which `--table` makes a page.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from racecourse.grading.catalogue import Content, find_exercise, load_course

HOGS = 4
PAGE = Path(__file__).resolve().parent.parent / "docs" / "stability.md"
HEAD = """\
# How stable the verdicts are

Written by `bench/stability.py --table FILE --write`. Every run is the real command with
a seed of its own. Right submissions must pass every check asked for, mutants fail every
one that they name. *As due* counts the runs in which exactly that came out.

| exercise | checks | submission | load | Python | as due | median | worst |
|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One submission, and what is due.

    Attributes:
        path: The submission.
        only: The checks to judge; none: all.
        due: The verdict of each check; None: those of the first run.
    """

    path: Path
    only: Sequence[str]
    due: Mapping[str, str] | None

    @property
    def name(self) -> str:
        """Say what it is, in two words."""
        kind = self.path.parent.name
        named = kind in {"mutants", "alternatives"}
        return (
            f"{kind[:-1]} {self.path.stem}" if named else self.path.parent.parent.name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What many runs of one case came to."""

    exercise: str
    checks: str
    submission: str
    load: str
    python: str
    runs: int
    as_due: int
    median_s: float
    worst_s: float
    differing: Mapping[str, int]


def spin() -> None:
    """Use a core until killed."""
    while True:
        pass


@contextlib.contextmanager
def load(kind: str) -> Iterator[None]:
    """Make the machine as busy as asked while the block runs."""
    hogs = [multiprocessing.Process(target=spin, daemon=True) for _ in range(HOGS)]
    if kind == "one-core":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if kind == "hogs":
        for hog in hogs:
            hog.start()
    try:
        yield
    finally:
        for hog in hogs:
            if hog.pid:
                hog.kill()


def grade_once(
    exercise: str, path: Path, only: Sequence[str], state: str
) -> tuple[dict[str, str], float]:
    """Run `grade`; return verdict and cause by check, and the wall seconds."""
    begun = time.perf_counter()
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "grade"), exercise, str(path)),
            *("--format", "json"),
            *(word for check in only for word in ("--only", check)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "XDG_STATE_HOME": state},
        check=False,
    )
    wall = time.perf_counter() - begun
    report = json.loads(done.stdout)
    verdicts = {
        c["id"]: c["verdict"] + (f"/{c['cause']}: {c['message']}" if c["cause"] else "")
        for c in report.get("checks", [])
    }
    return verdicts, wall


def series(exercise: str, case: Case, options: argparse.Namespace) -> Series:
    """Grade the case again and again, and count."""
    walls, differing = [], Counter[str]()
    due = case.due
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as state, load(options.load):
        for _ in range(options.runs):
            verdicts, wall = grade_once(exercise, case.path, case.only, state)
            walls.append(wall)
            due = verdicts if due is None else due
            if wrong := differences(verdicts, due):
                differing[wrong] += 1
    return Series(
        exercise=exercise,
        checks=" ".join(case.only) or "all",
        submission=case.name,
        load=options.load,
        python=sys.version.split()[0],
        runs=options.runs,
        as_due=options.runs - differing.total(),
        median_s=round(statistics.median(walls), 2),
        worst_s=round(max(walls), 2),
        differing=dict(differing.most_common()),
    )


def differences(verdicts: Mapping[str, str], due: Mapping[str, str]) -> str:
    """Say which checks came out otherwise than due."""
    return "; ".join(
        f"{check} {verdicts.get(check, 'is missing')}"
        for check, verdict in due.items()
        if not verdicts.get(check, "").startswith(verdict)
        or verdicts[check].startswith("failed/not-reached")
    )


def cases(content: Content, options: argparse.Namespace) -> Iterator[Case]:
    """Yield what the options ask for."""
    checks = options.only or [check.id for check in content.exercise.checks]
    if options.submission:
        yield Case(path=options.submission, only=options.only, due=None)
    if options.right or not (options.submission or options.mutants):
        passes = dict.fromkeys(checks, "passed")
        yield Case(path=content.reference, only=options.only, due=passes)
        for path in content.alternatives() if options.right else ():
            yield Case(path=path, only=options.only, due=passes)
    for mutant in content.mutants() if options.mutants else ():
        named = [check for check in mutant.caught_by if check in checks]
        if named:
            yield Case(path=mutant.path, only=named, due=dict.fromkeys(named, "failed"))


def show(one: Series) -> None:
    """Print what came of one series."""
    print(
        f"{one.exercise} {one.checks} {one.submission} {one.load}: {one.as_due} of"
        f" {one.runs} as due; wall {one.median_s:.2f} s median, {one.worst_s:.2f} s worst;"
        f" Python {one.python}",
        flush=True,
    )
    for change, times in one.differing.items():
        print(f"  {times}x {change}", flush=True)


def page(lines: Sequence[str]) -> str:
    """Return the page made of the lines of a log; of two alike the later one counts."""
    rows: dict[tuple[str, ...], str] = {}
    for line in lines:
        s = Series(**json.loads(line))
        key = (s.exercise, s.checks, s.submission, s.load, s.python)
        counts = f"{s.as_due} of {s.runs} | {s.median_s:.2f} s | {s.worst_s:.2f} s"
        rows[key] = f"| {' | '.join(key)} | {counts} |\n"
    return HEAD + "".join(rows.values())


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exercise", nargs="?")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--load", choices=("idle", "hogs", "one-core"), default="idle")
    parser.add_argument("--only", nargs="+", default=[], metavar="CHECK")
    parser.add_argument("--submission", type=Path, help="default: the reference")
    parser.add_argument("--right", action="store_true", help="and the alternatives")
    parser.add_argument("--mutants", action="store_true", help="those of the checks")
    parser.add_argument("--log", type=Path, help="add each series to this file")
    parser.add_argument("--table", type=Path, help="make a page of such a file")
    parser.add_argument(
        "--write", action="store_true", help="the page, where it belongs"
    )
    options = parser.parse_args()
    if not (options.exercise or options.table):
        parser.error("name an exercise")
    return options


def main() -> None:
    """Run and print the counts."""
    options = arguments()
    if options.table:
        text = page(options.table.read_text(encoding="utf-8").splitlines())
        if options.write:
            PAGE.write_text(text, encoding="utf-8")
        else:
            print(text)
        return
    content = find_exercise(options.exercise, load_course())
    differed = False
    for case in cases(content, options):
        one = series(content.exercise.id, case, options)
        show(one)
        differed = differed or bool(one.differing)
        if options.log:
            with options.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(one)) + "\n")
    sys.exit(differed)


if __name__ == "__main__":
    main()
