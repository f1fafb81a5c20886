"""How often do right submissions get the same verdicts? Writes docs/stability.md.

    python bench/stability.py --runs 200 --load idle --load hogs --load one-core
    python bench/stability.py --runs 20 --exercise ex3 --only reference --write

Runs `grade verify --stability` for each load and exercise, one after the other, and keeps
each series in a file, so that an interrupted measurement goes on where it stopped.
`--write` puts the table of all kept series into docs/stability.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from racecourse.grading.catalogue import load_course

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "stability.md"
_HEAD = """# The same verdict every time

Right submissions graded again and again by the real command, each time with a fresh seed, one after the
other: how many of the gradings came to full marks. Written by `bench/stability.py`.

{machine}

| exercise | submission | load | full marks | wall time, median | worst |
|---|---|---|---|---|---|
"""


def measure(exercise: str, only: str, runs: int, load: str) -> list[dict[str, object]]:
    """Run the command once and return its series."""
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "cli.py"), "verify", exercise, "--only", only),
            *("--stability", str(runs), "--load", load, "--format", "json"),
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
    full = series["alike"] if series["usual"] == "all passed" else 0
    others = "; ".join(f"{times}x {text}" for text, times in series["others"])
    told = f"{full} of {series['runs']}" + (f" ({others})" if others else "")
    return (
        f"| {series['exercise']} | {series['name']} | {series['load']} | {told}"
        f" | {series['median_s']:.1f} s | {series['worst_s']:.1f} s |\n"
    )


def main() -> None:
    """Measure what is not kept yet, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--load", action="append")
    parser.add_argument("--exercise", action="append")
    parser.add_argument("--only", default="reference", help="reference or alternative")
    parser.add_argument("--kept", type=Path, default=ROOT / ".stability.jsonl")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    kept = []
    if options.kept.exists():
        kept = [json.loads(line) for line in options.kept.read_text().splitlines()]
    for load in options.load or ["idle"]:
        for exercise in options.exercise or list(load_course()):
            key = [exercise, options.only, options.runs, load]
            if any(each["key"] == key for each in kept):
                continue
            found = measure(*key)
            kept += [{"key": key, "series": series} for series in found]
            with options.kept.open("a") as file:
                file.writelines(json.dumps(each) + "\n" for each in kept[-len(found) :])
            print("".join(row(series) for series in found), end="", flush=True)
    if options.write:
        machine = (
            f"Python {platform.python_version()}, {platform.system()}"
            f" {platform.machine()}, {os.cpu_count()} cores shared with others."
        )
        rows = "".join(row(each["series"]) for each in kept)
        PAGE.write_text(_HEAD.format(machine=machine) + rows, encoding="utf-8")


if __name__ == "__main__":
    main()
