"""What grading costs: the same four checks of a counter in our format and the peers'.

One interleaved run: each round runs every tool once, in a different order, so that a
busy machine hurts all alike. Prints medians and ratios to plain pytest.

    python -m venv .venv-peers && .venv-peers/bin/pip install -r bench/peers/requirements.txt
    python bench/latency.py --peers .venv-peers/bin/python --rounds 15
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOLUTION = HERE / "tiny/reference/ex01_counter/solution.py"


def commands(peers: Path, place: Path) -> dict[str, list[str]]:
    """Lay out the exercise for every tool below `place`; return what to run."""
    for tool in ("pytest", "gradescope", "check50"):
        shutil.copytree(HERE / "peers" / tool, place / tool)
    shutil.copytree(HERE / "tiny", place / "tiny")
    (place / "submission").mkdir()
    solution = place / "submission/solution.py"
    shutil.copy(SOLUTION, solution)
    shutil.copy(SOLUTION, place / "pytest/solution.py")
    grade = Path(sys.executable).parent / "grade"
    script = str(place / "gradescope/run_tests.py")
    results = str(place / "results.json")
    return {
        "pytest": [str(peers), "-m", "pytest", "-q", str(place / "pytest")],
        "racecourse": [
            *(str(grade), "ex1", str(solution), "--course", str(place / "tiny")),
        ],
        "gradescope-utils": [str(peers), script, str(solution.parent), results],
        "check50 --dev": [
            *(
                str(peers),
                "-m",
                "check50",
                "--dev",
                str(place / "check50"),
                "-o",
                "json",
            ),
        ],
    }


def measure(command: list[str], place: Path) -> tuple[float, float]:
    """Run a command; return wall and CPU seconds of it with all its children."""
    environment = {**os.environ, "XDG_STATE_HOME": str(place / "state")}
    before = os.times()
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=place / "submission",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    wall = time.perf_counter() - begun
    after = os.times()
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    cpu = after.children_user - before.children_user
    return wall, cpu + after.children_system - before.children_system


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--peers", type=Path, required=True, help="python with the peers"
    )
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as folder:
        place = Path(folder)
        tools = commands(options.peers.absolute(), place)
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in tools}
        for command in tools.values():  # once for the page cache and the .pyc files
            measure(command, place)
        order = list(tools)
        rng = random.Random(0)
        for _ in range(options.rounds):
            rng.shuffle(order)
            for name in order:
                seen[name].append(measure(tools[name], place))
    base = statistics.median(wall for wall, _ in seen["pytest"])
    print(
        f"medians of {options.rounds} interleaved rounds, Python {sys.version.split()[0]}"
    )
    print(f"{'tool':20} {'wall s':>8} {'CPU s':>8} {'x pytest':>9}")
    for name, runs in seen.items():
        wall = statistics.median(wall for wall, _ in runs)
        cpu = statistics.median(cpu for _, cpu in runs)
        print(f"{name:20} {wall:8.3f} {cpu:8.3f} {wall / base:9.2f}")


if __name__ == "__main__":
    main()
