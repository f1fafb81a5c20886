"""Compare the engine with its published peers, on the same programs in one run.

    pip install -r bench/peers/engine.txt  the peers; interleave-test needs Python 3.12
    python bench/engine.py                 the programs below, a table on the screen
    python bench/engine.py --write         the same, and the table in docs/engine.md

Every measurement is a process of its own, killed after `SECONDS_MAX` or `HANGS_S`; one
that is cheap is made several times. Rates are by CPU time, so that a busy machine does
not change them much. A peer that is not installed is left out by name.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from explorers import (
    HANGS_S,
    MEASURES,
    NEEDS,
    ON_REAL_THREADS,
    ROOT,
    SECONDS_MAX,
    Measured,
)

PAGE = ROOT / "docs" / "engine.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
CHEAP_S = 3.0
"""A measurement that takes less is made several times."""
CHOSEN = (
    *("increment", "account", "bluetooth", "check_then_insert", "deadlock01"),
    *("din_phil3", "lost_notify", "reorder_3", "stringbuffer", "sync02"),
    *("twostage", "wronglock_3", "work_stealing", "circular_buffer", "stack"),
    *("din_phil5", "din_phil7", "reorder_5", "reorder_10", "sleep_for_order"),
)


def measure_apart(tool: str, name: str, function: str) -> Measured:
    """Measure in a process of its own; a hang is no answer, except on real threads."""
    command = [sys.executable, __file__, "--one", tool, name, function]
    if tool.startswith("frontrun"):
        command.insert(0, str(Path(sys.executable).with_name("frontrun")))
    paths = [str(ROOT), str(ROOT / "tests" / "engine" / "programs")]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=True,
            timeout=HANGS_S if tool in ON_REAL_THREADS else SECONDS_MAX,
            env={**os.environ, **environment},
        )
    except subprocess.TimeoutExpired:
        failed = True if tool in ON_REAL_THREADS else None
    except subprocess.CalledProcessError as error:
        print(tool, name, function, error.stderr.decode()[-500:], file=sys.stderr)
        failed = None
    else:
        return Measured(**json.loads(done.stdout.splitlines()[-1]))
    return Measured(failed=failed, runs=0, seconds=time.perf_counter() - start)


def measure_well(tool: str, name: str, function: str, *, times: int) -> Measured:
    """Measure several times if it is cheap; found once is found."""
    first = measure_apart(tool, name, function)
    if not first.runs or first.seconds > CHEAP_S:
        return first
    again = [measure_apart(tool, name, function) for _ in range(times - 1)]
    ordered = sorted([first, *again], key=lambda one: one.rate)
    chosen = [one for one in ordered if one.failed] or ordered
    return chosen[len(chosen) // 2]


Row = dict[str, Measured]
"""What each tool made of one function."""


def measure_all(
    names: tuple[str, ...], tools: tuple[str, ...], *, jobs: int, times: int, kept: Path
) -> dict[tuple[str, str], Row]:
    """Measure every function of every program with every tool.

    Rows that were measured are kept in a file, so that a run that was interrupted
    can go on.
    """
    known = _read_rows(kept)

    def measure(of: tuple[str, str]) -> Row:
        if of in known:
            return known[of]
        row = {tool: measure_well(tool, *of, times=times) for tool in tools}
        plain = {tool: dataclasses.asdict(one) for tool, one in row.items()}
        with kept.open("a") as file:
            file.write(json.dumps([of, plain]) + "\n")
        return row

    functions = [(name, twin) for name in names for twin in ("buggy", "correct")]
    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(functions, pool.map(measure, functions), strict=True))


def _read_rows(kept: Path) -> dict[tuple[str, str], Row]:
    lines = kept.read_text().splitlines() if kept.exists() else []
    return {
        (name, function): {tool: Measured(**one) for tool, one in row.items()}
        for (name, function), row in map(json.loads, lines)
    }


def table(rows: dict[tuple[str, str], Row], tools: tuple[str, ...]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [
        "| program | " + " | ".join(tools) + " |",
        "|---" * (len(tools) + 1) + "|",
    ]
    for (name, function), row in rows.items():
        cells = [row[tool].text(buggy=function == "buggy") for tool in tools]
        lines.append(f"| {name}, {function} | " + " | ".join(cells) + " |")
    return lines


def findings(rows: dict[tuple[str, str], Row], tool: str) -> str:
    """Count what a tool found and what it accused wrongly."""
    buggy = [row[tool] for (_, function), row in rows.items() if function == "buggy"]
    correct = [row[tool] for (_, function), row in rows.items() if function != "buggy"]
    found = sum(one.failed is True for one in buggy)
    given = sum(one.took_part for one in buggy)
    silent = sum(one.failed is None and one.took_part for one in [*buggy, *correct])
    alarms = sum(one.failed is True for one in correct)
    line = f"{tool} {found} of {given} ({alarms} false alarms"
    return f"{line}, {silent} without an answer)" if silent else f"{line})"


def speeds(rows: dict[tuple[str, str], Row], tool: str) -> str:
    """Compare our runs per second with a tool's, on the correct programs."""
    ratios = {
        name: row["ours"].rate / row[tool].rate
        for (name, function), row in rows.items()
        if function == "correct" and row[tool].failed is False
    }
    behind = [name for name, ratio in ratios.items() if ratio < 1]
    middle = statistics.median(ratios.values()) if ratios else 0.0
    line = f"{tool}: ahead on {len(ratios) - len(behind)} of {len(ratios)}"
    line += f", {middle:.3g} times as many in the middle"
    return f"{line}; behind on {', '.join(behind)}" if behind else line


def page(rows: dict[tuple[str, str], Row], tools: tuple[str, ...], load: str) -> str:
    """Return what stands between the marks in the page."""
    version = ".".join(map(str, sys.version_info[:3]))
    peers = [tool for tool in tools if tool != "ours"]
    return "\n".join(
        [
            f"CPython {version}, {os.cpu_count()} cores, load {load}.",
            "",
            f"- Mistakes found: {', '.join(findings(rows, tool) for tool in tools)}.",
            "- Our runs per second on the correct programs, compared with",
            *[f"  - {speeds(rows, tool)}." for tool in peers],
            "",
            *table(rows, tools),
        ]
    )


def write(text: str) -> None:
    """Replace the table in the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def measure_one(tool: str, name: str, function: str) -> None:
    """Measure here, print the result, and end at once."""
    measured = MEASURES[tool](name, function)
    print(json.dumps(dataclasses.asdict(measured)), flush=True)
    os._exit(0)  # threads that hang in a deadlock would keep the process alive


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="update docs/engine.md")
    parser.add_argument("--jobs", type=int, default=1, help="measurements at a time")
    parser.add_argument("--times", type=int, default=3, help="cheap measurements")
    parser.add_argument("--kept", type=Path, default=Path("bench-rows.jsonl"))
    parser.add_argument("--one", nargs=3, metavar=("TOOL", "PROGRAM", "FUNCTION"))
    parser.add_argument("programs", nargs="*", default=CHOSEN)
    options = parser.parse_args()
    if options.one:
        measure_one(*options.one)
    tools = tuple(
        tool
        for tool in MEASURES
        if tool not in NEEDS or importlib.util.find_spec(NEEDS[tool])
    )
    before = os.getloadavg()[0]
    rows = measure_all(
        tuple(options.programs),
        tools,
        jobs=options.jobs,
        times=options.times,
        kept=options.kept,
    )
    after = os.getloadavg()[0]
    load = f"{before:.0f} when it began and {after:.0f} when it ended"
    text = page(rows, tools, load)
    print(text)
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
