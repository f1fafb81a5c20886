"""How long the grading of each right submission takes, as a student waits for it.

    python bench/walls.py --rounds 5
    python bench/walls.py --exercise ex7 --exercise ex8 --against ../before

Each round grades every exercise's reference once, with the real command, in another
order. With `--against` a second checkout takes turns with this one, so that what came
of a change is seen on a machine that has good and bad minutes.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from racecourse.grading.catalogue import load_course

ROOT = Path(__file__).resolve().parent.parent


def grade_once(checkout: Path, exercise: str, state: Path) -> float:
    """Grade the reference; return the wall seconds of the whole command."""
    reference = load_course(checkout)[exercise].reference
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "XDG_STATE_HOME": str(state),
    }
    # A student's second grading finds the package compiled, so let it be kept.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(checkout / "cli.py"), exercise, str(reference)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    wall = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{reference} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    return wall


def main() -> None:
    """Measure and print the table."""
    exercises = list(load_course(ROOT))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--exercise", action="append", choices=exercises)
    parser.add_argument("--against", type=Path, help="another checkout")
    options = parser.parse_args()
    checkouts = [ROOT, *([options.against.resolve()] if options.against else [])]
    chosen = options.exercise or exercises
    jobs = [(checkout, exercise) for exercise in chosen for checkout in checkouts]
    walls: dict[tuple[Path, str], list[float]] = defaultdict(list)
    rng = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as state:
        for checkout in checkouts:  # once for the page cache and the compiled files
            grade_once(checkout, chosen[0], Path(state))
        for _ in range(options.rounds):
            rng.shuffle(jobs)
            for checkout, exercise in jobs:
                wall = grade_once(checkout, exercise, Path(state))
                walls[checkout, exercise].append(wall)
    print(
        f"medians of {options.rounds} rounds in turn, Python {sys.version.split()[0]}"
    )
    for exercise in chosen:
        told = [
            f"{statistics.median(seen):8.2f} s (worst {max(seen):.2f})"
            for seen in (walls[checkout, exercise] for checkout in checkouts)
        ]
        print(f"{exercise:12}", *told)
    middle = [
        statistics.median(statistics.median(walls[checkout, e]) for e in chosen)
        for checkout in checkouts
    ]
    print("median      ", *(f"{each:8.2f} s" for each in middle))


if __name__ == "__main__":
    main()
