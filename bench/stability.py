"""Does the same submission get the same verdicts every time? Counts; judges nothing.

    python bench/stability.py ex3 --runs 200 --load idle
    python bench/stability.py ex3 --runs 200 --load hogs      # 4 processes that spin
    python bench/stability.py ex3 --runs 200 --load one-core  # pinned, where Linux allows
    python bench/stability.py ex5 --runs 50 --submission PATH

Every run is the real command with a fresh seed. Prints how many runs had the verdicts
of the first, the wall time (median, worst) and each run that differed.
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
from collections.abc import Iterator
from pathlib import Path

from racecourse.grading.catalogue import find_exercise, load_course

HOGS = 4


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


def grade_once(exercise: str, path: Path, state: str) -> tuple[dict[str, str], float]:
    """Run `grade`; return verdict and cause by check, and the wall seconds."""
    begun = time.perf_counter()
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "grade"), exercise, str(path)),
            *("--format", "json"),
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


def main() -> None:
    """Run and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exercise")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--load", choices=("idle", "hogs", "one-core"), default="idle")
    parser.add_argument("--submission", type=Path, help="default: the reference")
    options = parser.parse_args()
    content = find_exercise(options.exercise, load_course())
    path = options.submission or content.reference
    walls, differing = [], Counter()
    first: dict[str, str] | None = None
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as state, load(options.load):
        for _ in range(options.runs):
            verdicts, wall = grade_once(options.exercise, path, state)
            walls.append(wall)
            first = verdicts if first is None else first
            if verdicts != first:
                changed = [f"{k} {v}" for k, v in verdicts.items() if first.get(k) != v]
                differing["; ".join(changed)] += 1
    same = options.runs - differing.total()
    passed = sum(v == "passed" for v in (first or {}).values())
    print(
        f"{options.exercise} {path.stem} {options.load}: {same} of {options.runs} alike,"
        f" first run {passed} of {len(first or {})} passed;"
        f" wall {statistics.median(walls):.2f} s median, {max(walls):.2f} s worst;"
        f" Python {sys.version.split()[0]}"
    )
    for change, times in differing.most_common():
        print(f"  {times}x {change}")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
