"""What each tool makes of one program, measured in the process that calls.

frontrun patches the interpreter before anything is imported, so whoever measures it
is started by its own command.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import io
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "tests" / "engine" / "programs"
SECONDS_MAX = 60.0
"""After so long a measurement is cut off."""
HANGS_S = 30.0
"""After so long a program on real threads is taken to hang."""
ENOUGH_S = SECONDS_MAX * 0.8
"""Peers that can stop by themselves are asked to after so long."""
STRESS_S = 1.0
RUNS_MAX = 2_000
ATTEMPTS_MAX = 1_000
"""Random schedules of frontrun, five times its default."""
RANDOM_S = SECONDS_MAX * 0.4
"""After so long frontrun stops drawing them."""
PARALLEL = 8
"""Threads that run the same test body at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one tool made of one function."""

    failed: bool | None
    """Whether it reported a failure; None if it came to no answer."""
    runs: int
    seconds: float
    """CPU time, all threads together: others use the machine."""

    @property
    def took_part(self) -> bool:
        """Whether the tool was given this program at all."""
        return self.failed is not None or self.seconds > 0

    @property
    def rate(self) -> float:
        """Runs per second."""
        return self.runs / self.seconds if self.seconds else 0.0

    def text(self, *, buggy: bool) -> str:
        """Return a cell of the table."""
        if self.failed is None:
            return "no answer" if self.took_part else "-"
        right = "found" if buggy else "**false alarm**"
        wrong = "**missed**" if buggy else "silent"
        word = right if self.failed else wrong
        if not self.runs:
            return f"{word}: hung"
        return f"{word} {self.runs} · {self.rate:.0f}/s"


NOT_FOR_IT = Measured(failed=None, runs=0, seconds=0.0)


def measure_ours(name: str, function: str) -> Measured:
    """Explore with the default budget."""
    from racecourse.engine import explore_file  # noqa: PLC0415 - measured alone

    start = time.process_time()
    report = explore_file(PROGRAMS / f"{name}.py", function)
    seconds = time.process_time() - start
    return Measured(failed=report.failed, runs=report.runs, seconds=seconds)


def measure_interleave(name: str, function: str) -> Measured:
    """Explore with interleave-test's PCT, its better strategy for rare orders."""
    import interleave_test  # noqa: PLC0415 - may be missing

    program = _load(name)[function]
    start = time.process_time()
    result = interleave_test.explore(
        program,
        iterations=RUNS_MAX,
        seed=0,
        strategy="pct",
        timeout=ENOUGH_S,
        raise_on_failure=False,
    )
    seconds = time.process_time() - start
    runs = result.schedules_run
    return Measured(failed=result.failure is not None, runs=runs, seconds=seconds)


def measure_frontrun_dpor(name: str, function: str) -> Measured:
    """Explore with frontrun's DPOR, its default."""
    return _frontrun(name, function, strategy="dpor", total_timeout=ENOUGH_S)


def measure_frontrun_random(name: str, function: str) -> Measured:
    """Explore with frontrun's random schedules of bytecode instructions."""
    return _frontrun(
        name,
        function,
        strategy="random",
        max_attempts=ATTEMPTS_MAX,
        seed=0,
        total_timeout=RANDOM_S,
    )


def _frontrun(name: str, function: str, **options: Any) -> Measured:
    import frontrun  # noqa: PLC0415 - may be missing
    from parts import NoPartsError, parts_of  # noqa: PLC0415 - needs greenlet

    try:
        set_up, workers, invariant = parts_of(_load(name), function)
    except NoPartsError:
        return NOT_FOR_IT
    start = time.process_time()
    result = frontrun.explore(
        set_up,
        workers,
        invariant,
        reproduce_on_failure=0,
        **options,
    )
    seconds = time.process_time() - start
    holds = result.property_holds
    failed = None if holds is None else not holds
    return Measured(failed=failed, runs=result.num_explored, seconds=seconds)


def measure_run_parallel(name: str, function: str) -> Measured:
    """Run the program as a test under pytest-run-parallel, many times at once.

    An exception in a thread of the program fails the test, which is kinder to the
    plugin than its defaults. It runs all repetitions before it looks at a failure.
    """
    import pytest  # noqa: PLC0415 - slow to import

    program = _load(name)[function]
    begun = time.perf_counter()
    with contextlib.suppress(AssertionError):
        program()
    once = time.perf_counter() - begun
    repeats = max(1, min(RUNS_MAX // PARALLEL, int(HANGS_S / 3 / once)))
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_program.py"
        test.write_text(f"from {name} import {function}\n\n{_TEST.format(function)}")
        options = [
            *("-q", "-p", "no:cacheprovider", f"--parallel-threads={PARALLEL}"),
            *(f"--iterations={repeats}", "-W", f"error::pytest.{_THREAD_WARNING}"),
        ]
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            code = pytest.main([*options, str(test)])
        seconds = time.process_time() - start
    assert code in {0, 1}, code  # noqa: S101 - others say that nothing was tested
    return Measured(failed=code == 1, runs=repeats * PARALLEL, seconds=seconds)


_TEST = "def test_program():\n    {}()\n"
_THREAD_WARNING = "PytestUnhandledThreadExceptionWarning"


def measure_stress(name: str, function: str) -> Measured:
    """Run on real threads, over and over, with the shortest switch interval."""
    sys.setswitchinterval(1e-6)
    threading.excepthook = lambda args: failures.append(args.exc_value)
    failures: list[BaseException | None] = []
    program = _load(name)[function]
    runs, start, begun = 0, time.process_time(), time.perf_counter()
    while not failures:
        if time.process_time() - start > STRESS_S:
            break
        if time.perf_counter() - begun > HANGS_S / 3:
            break  # it sleeps
        runs += 1
        try:
            program()
        except Exception as error:  # noqa: BLE001 - any failure counts
            failures.append(error)
    seconds = time.process_time() - start
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
    "frontrun dpor": measure_frontrun_dpor,
    "frontrun random": measure_frontrun_random,
    "run-parallel": measure_run_parallel,
    "stress": measure_stress,
}
NEEDS = {
    "interleave": "interleave_test",
    "frontrun dpor": "frontrun",
    "frontrun random": "frontrun",
    "run-parallel": "pytest_run_parallel",
}
"""What must be importable for a tool to take part."""
ON_REAL_THREADS = ("run-parallel", "stress")
"""Tools that a deadlock hangs: that is how they find it."""
