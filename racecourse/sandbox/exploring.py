"""The engine in the worker: schedules of the submission, and two canaries.

The submission is loaded a second time, rewritten, beside the exercise's `schedules.py`.
What comes out is a claim of tier T3. The canaries are a known race and its repair; they
are explored by the same engine after the submission was loaded, so that code which
patched the engine into silence, or into finding what is not there, shows.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from racecourse.engine import Budget, Report, Verdict, explore_file, explore_source

_SHOWN_LINES = 60
_CANARY_RUNS = 60
_CANARY = """\
import threading

class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self):
        self.value += 1

    def add_safely(self):
        with self.lock:
            self.value += 1

def _after(add, counter):
    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2

def racy():
    counter = Counter()
    _after(counter.add, counter)

def safe():
    counter = Counter()
    _after(counter.add_safely, counter)
"""


def explore(program: str, runs: int) -> dict[str, Any]:
    """Search the schedules of a function of `schedules.py`; return the end as plain data.

    Args:
        program: Name of a function without arguments.
        runs: About how many executions.
    """
    folder = Path(str(sys.modules["solution"].__file__)).parent
    with _real_threads() as real:
        report = explore_file(
            folder / "schedules.py",
            program,
            modules={"solution": folder / "solution.py"},
            budget=Budget.of_runs(runs),
        )
    # A library that runs as it is may run threads of its own, such as those of
    # multiprocessing.pool. The engine takes who waits for them to wait for ever.
    failure = report.failure if report.failed and not real else None
    return {
        "kind": failure.kind.value if failure else None,
        "message": failure.message if failure else "",
        "statement": "" if real else report.statement,
        "lines": _lines(report) if failure else [],
        "canaries": _canaries_sing(),
    }


@contextlib.contextmanager
def _real_threads() -> Iterator[list[str]]:
    """Give a list to which each real thread's name is added when it is started."""
    names: list[str] = []
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        names.append(thread.name)
        start(thread)

    with mock.patch.object(threading.Thread, "start", started):
        yield names


def _lines(report: Report) -> list[str]:
    lines = report.explanation.splitlines()
    cut = len(lines) - _SHOWN_LINES
    return lines if cut <= 0 else [*lines[:_SHOWN_LINES], f"... {cut} more lines"]


def _canaries_sing() -> bool:
    budget = Budget.of_runs(_CANARY_RUNS)
    racy = explore_source(_CANARY, "racy", budget=budget)
    safe = explore_source(_CANARY, "safe", budget=budget)
    return racy.failed and safe.verdict is Verdict.NOTHING_FOUND
