"""Compare the engine with its published peers, on the same programs in one run.

    python bench/engine.py                 the programs below, a table on the screen
    python bench/engine.py --write         the same, and the table in docs/engine.md

Every measurement is a process of its own, killed after `SECONDS_MAX`. The peers,
interleave-test and frontrun, must be importable by the Python that runs this; one
that is missing is left out by name. frontrun wants a program as set-up, workers and
invariant, so it only takes part where one is written down in `FOR_FRONTRUN`.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "tests" / "engine" / "programs"
PAGE = ROOT / "docs" / "engine.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
SECONDS_MAX = 10.0
STRESS_S = 1.0
RUNS_MAX = 2_000
TOOLS = ("ours", "interleave", "frontrun", "stress")
CHOSEN = (
    *("increment", "account", "bluetooth", "check_then_insert", "deadlock01"),
    *("din_phil3", "lost_notify", "reorder_3", "stringbuffer", "sync02"),
    *("twostage", "wronglock_3", "work_stealing", "circular_buffer", "stack"),
    *("din_phil5", "din_phil7", "reorder_5", "reorder_10", "sleep_for_order"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one tool made of one function."""

    failed: bool | None
    """Whether it reported a failure; None if it came to no answer."""
    runs: int
    seconds: float

    @property
    def took_part(self) -> bool:
        """Whether the tool was given this program at all."""
        return self.failed is not None or self.seconds > 0

    def text(self, *, buggy: bool) -> str:
        """Return a cell of the table."""
        if self.failed is None:
            return "no answer" if self.took_part else "-"
        right = "found" if buggy else "false alarm"
        wrong = "**missed**" if buggy else "silent"
        word = right if self.failed else wrong
        rate = round(self.runs / self.seconds) if self.seconds else 0
        return f"{word}, {self.runs} runs, {self.seconds:.2f} s ({rate}/s)"


def measure_ours(name: str, function: str) -> Measured:
    """Explore with the default budget."""
    from racecourse.engine import explore_file  # noqa: PLC0415 - measured alone

    start = time.perf_counter()
    report = explore_file(PROGRAMS / f"{name}.py", function)
    seconds = time.perf_counter() - start
    return Measured(failed=report.failed, runs=report.runs, seconds=seconds)


def measure_interleave(name: str, function: str) -> Measured:
    """Explore with interleave-test's PCT, its better strategy for rare orders."""
    import interleave_test  # noqa: PLC0415 - may be missing

    start = time.perf_counter()
    result = interleave_test.explore(
        _load(name)[function],
        iterations=RUNS_MAX,
        seed=0,
        strategy="pct",
        timeout=SECONDS_MAX * 0.8,
        raise_on_failure=False,
    )
    seconds = time.perf_counter() - start
    runs = result.schedules_run
    return Measured(failed=result.failure is not None, runs=runs, seconds=seconds)


class _Shared:
    """What the workers of the programs for frontrun share."""

    def __init__(self) -> None:
        self.value = 0
        self.first = threading.Lock()
        self.second = threading.Lock()
        self.cache: dict[str, int] = {}
        self.made: list[int] = []


def _add(shared: _Shared) -> None:
    shared.value += 1


def _add_locked(shared: _Shared) -> None:
    with shared.first:
        shared.value += 1


def _insert(shared: _Shared) -> None:
    if "key" not in shared.cache:
        shared.made.append(1)
        shared.cache["key"] = 1


def _insert_locked(shared: _Shared) -> None:
    with shared.first:
        _insert(shared)


def _forwards(shared: _Shared) -> None:
    with shared.first, shared.second:
        shared.value += 1


def _backwards(shared: _Shared) -> None:
    with shared.second, shared.first:
        shared.value += 1


def _counted(shared: _Shared) -> bool:
    return shared.value == 2


def _made_once(shared: _Shared) -> bool:
    return len(shared.made) == 1


FOR_FRONTRUN: dict[tuple[str, str], Any] = {
    ("increment", "buggy"): ([_add] * 2, _counted),
    ("increment", "correct"): ([_add_locked] * 2, _counted),
    ("check_then_insert", "buggy"): ([_insert] * 2, _made_once),
    ("check_then_insert", "correct"): ([_insert_locked] * 2, _made_once),
    ("deadlock01", "buggy"): ([_forwards, _backwards], _counted),
    ("deadlock01", "correct"): ([_forwards] * 2, _counted),
}


def measure_frontrun(name: str, function: str) -> Measured:
    """Explore with frontrun's DPOR, its default."""
    import frontrun  # noqa: PLC0415 - may be missing

    if (name, function) not in FOR_FRONTRUN:
        return Measured(failed=None, runs=0, seconds=0.0)
    workers, invariant = FOR_FRONTRUN[name, function]
    start = time.perf_counter()
    result = frontrun.explore(_Shared, workers, invariant)
    seconds = time.perf_counter() - start
    failed = not result.property_holds
    return Measured(failed=failed, runs=result.num_explored, seconds=seconds)


def measure_stress(name: str, function: str) -> Measured:
    """Run on real threads, over and over, with the shortest switch interval."""
    sys.setswitchinterval(1e-6)
    threading.excepthook = lambda args: failures.append(args.exc_value)
    failures: list[BaseException | None] = []
    program = _load(name)[function]
    start = time.perf_counter()
    runs = 0
    while time.perf_counter() - start < STRESS_S and not failures:
        runs += 1
        try:
            program()
        except Exception as error:  # noqa: BLE001 - any failure counts
            failures.append(error)
    seconds = time.perf_counter() - start
    return Measured(failed=bool(failures), runs=runs, seconds=seconds)


def _load(name: str) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location(name, PROGRAMS / f"{name}.py")
    assert spec is not None  # noqa: S101 - the file is part of the project
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)


MEASURES = {
    "ours": measure_ours,
    "interleave": measure_interleave,
    "frontrun": measure_frontrun,
    "stress": measure_stress,
}


def measure_apart(tool: str, name: str, function: str) -> Measured:
    """Measure in a process of its own; a hang is no answer, except under stress.

    A deadlock hangs a stress test: that is how it is found, so it counts.
    """
    command = [sys.executable, __file__, "--one", tool, name, function]
    if tool == "frontrun":  # it patches the interpreter before anything is imported
        command.insert(0, str(Path(sys.executable).with_name("frontrun")))
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=True,
            timeout=SECONDS_MAX,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        )
    except subprocess.TimeoutExpired:
        hung = time.perf_counter() - start
        return Measured(failed=tool == "stress" or None, runs=0, seconds=hung)
    except subprocess.CalledProcessError:
        return Measured(failed=None, runs=0, seconds=0.0)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def table(names: tuple[str, ...], tools: tuple[str, ...]) -> str:
    """Measure everything and return a Markdown table with a summary line."""
    lines = [
        "| program | " + " | ".join(tools) + " |",
        "|---" * (len(tools) + 1) + "|",
    ]
    found = dict.fromkeys(tools, 0)
    alarms = dict.fromkeys(tools, 0)
    tried = dict.fromkeys(tools, 0)
    for name in names:
        for function in ("buggy", "correct"):
            row = [measure_apart(tool, name, function) for tool in tools]
            cells = [one.text(buggy=function == "buggy") for one in row]
            lines.append(f"| {name}, {function} | " + " | ".join(cells) + " |")
            counts = found if function == "buggy" else alarms
            for tool, one in zip(tools, row, strict=True):
                counts[tool] += bool(one.failed)
                tried[tool] += function == "buggy" and one.took_part
    summary = ", ".join(
        f"{tool} {found[tool]} of {tried[tool]} ({alarms[tool]} false alarms)"
        for tool in tools
    )
    version = ".".join(map(str, sys.version_info[:3]))
    head = f"CPython {version}; bugs found: {summary}."
    return "\n".join([head, "", *lines])


def write(text: str) -> None:
    """Replace the table in the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="update docs/engine.md")
    parser.add_argument("--one", nargs=3, metavar=("TOOL", "PROGRAM", "FUNCTION"))
    parser.add_argument("programs", nargs="*", default=CHOSEN)
    options = parser.parse_args()
    if options.one:
        tool, name, function = options.one
        measured = MEASURES[tool](name, function)
        print(json.dumps(dataclasses.asdict(measured)), flush=True)
        os._exit(0)  # threads that hang in a deadlock would keep the process alive
    modules = {"interleave": "interleave_test", "frontrun": "frontrun"}
    tools = tuple(
        tool
        for tool in TOOLS
        if tool not in modules or importlib.util.find_spec(modules[tool])
    )
    text = table(tuple(options.programs), tools)
    print(text)
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
