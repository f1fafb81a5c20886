"""What does the sandbox cost? Interleaved rounds, medians, and the ratio to the level plain.

    python bench/sandbox.py                    # as this user, the strongest level
    python bench/sandbox.py --starts 100 --gradings 11 --exercise ex3

Starts: from the order to the loaded submission, from a warm zygote, and the end of the
worker. Gradings: the whole command on the reference.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from racecourse.grading import confinement
from racecourse.grading.catalogue import find_exercise, load_course
from racecourse.model.exercise import Limits
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.levels import PLAIN
from racecourse.sandbox.payload import Payload

ROOT = Path(__file__).resolve().parent.parent
PRELOAD = ("asyncio", "concurrent.futures", "multiprocessing", "queue", "threading")


def start_once(lane: Lane) -> tuple[float, float]:
    """Start a worker and end it; return both in milliseconds."""
    begun = time.perf_counter()
    worker = lane.launch(Payload(solution="x = 1\n"), Limits())
    worker.load(LoadOptions(), within_s=30)
    there = time.perf_counter()
    worker.close()
    return (there - begun) * 1e3, (time.perf_counter() - there) * 1e3


def grade_once(exercise: str, level: str) -> float:
    """Grade the reference with the real command; return the wall seconds."""
    reference = find_exercise(exercise, load_course()).reference
    begun = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, str(ROOT / "cli.py"), exercise, str(reference)),
            *("--sandbox", level, "--format", "json"),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=60)
    parser.add_argument("--gradings", type=int, default=7)
    parser.add_argument("--exercise", default="ex3")
    options = parser.parse_args()
    levels = (PLAIN, confinement.strongest().level)
    print(
        f"Python {sys.version.split()[0]}, uid {os.geteuid()}, {os.cpu_count()} cores"
    )
    zygotes = [Zygote(lanes=1, preload=PRELOAD, level=level) for level in levels]
    lanes = [zygote.first_lane() for zygote in zygotes]
    for lane in lanes:
        start_once(lane)
    rounds = [[start_once(lane) for lane in lanes] for _ in range(options.starts)]
    for zygote in zygotes:
        zygote.close()
    for number, level in enumerate(levels):
        starts, ends = zip(*(each[number] for each in rounds), strict=True)
        print(
            f"{level.name:10} start {statistics.median(starts):6.1f} ms"
            f" (least {min(starts):.1f}), end {statistics.median(ends):6.1f} ms"
        )
    walls = [
        [grade_once(options.exercise, level.name) for level in levels]
        for _ in range(options.gradings)
    ]
    plain, strong = (statistics.median(column) for column in zip(*walls, strict=True))
    print(
        f"grade {options.exercise}: {levels[0].name} {plain:.2f} s, {levels[1].name}"
        f" {strong:.2f} s: {strong / plain:.2f} times as long ({options.gradings} rounds)"
    )


if __name__ == "__main__":
    main()
