"""The engine in the worker: schedules of the submission, and two canaries.

The submission is loaded a second time, rewritten, beside the exercise's `schedules.py`.
What comes out is a claim of tier T3. The canaries are a known race and its repair; they
are explored by the same engine after the submission was loaded, so that code which
patched the engine into silence, or into finding what is not there, shows.
"""

import contextlib
import dataclasses
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from racecourse.engine import (
    BadTokenError,
    Budget,
    Report,
    Verdict,
    explore_file,
    explore_source,
    read_program,
)
from racecourse.engine import replay as replay_token
from racecourse.engine.schedule import read_token, write_token

_SHOWN_FIRST, _SHOWN_LAST = 20, 40  # lines: who is who, and what went wrong
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


_NOTHING: dict[str, Any] = {
    "kind": None,
    "message": "",
    "lines": [],
    "token": "",
    "explored": False,
}


def explore(program: str, runs: int) -> dict[str, Any]:
    """Search the schedules of a function of `schedules.py`; return the end as plain data.

    Args:
        program: Name of a function without arguments.
        runs: About how many executions.
    """
    file, modules = _files()
    budget = Budget.of_runs(runs)
    with _real_threads() as real:
        report = explore_file(file, program, modules=modules, budget=budget)
    # A library that runs as it is may run threads of its own, such as those of
    # multiprocessing.pool. The engine takes who waits for them to wait for ever.
    told = {**_NOTHING, "statement": ""} if real else _plain(report)
    return {**told, "canaries": _canaries_sing()}


def replay(program: str, token: str) -> dict[str, Any]:
    """Execute one schedule once more; return the end as plain data."""
    file, modules = _files()
    try:
        report = replay_token(token, read_program(file, program, modules))
    except BadTokenError:
        return {"fits": False}
    return _plain(report)


def _files() -> tuple[Path, dict[str, Path]]:
    folder = Path(str(sys.modules["solution"].__file__)).parent
    return folder / "schedules.py", {"solution": folder / "solution.py"}


def _plain(report: Report) -> dict[str, Any]:
    failure = report.failure if report.failed else None
    return {
        "kind": failure.kind.value if failure else None,
        "message": failure.message if failure else "",
        "statement": report.statement,
        "lines": _lines(report) if failure else [],
        "token": _without_places(report.token) if failure else "",
        "explored": report.verdict in {Verdict.FAILED, Verdict.NOTHING_FOUND},
    }


def _without_places(token: str) -> str:
    """Return the token without the folders of this worker: a replay has its own."""
    recipe, address = read_token(token)
    modules = tuple((name, Path(path).name) for name, path in address.modules)
    path = Path(address.path).name
    return write_token(recipe, dataclasses.replace(address, path=path, modules=modules))


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
    cut = len(lines) - _SHOWN_FIRST - _SHOWN_LAST
    if cut <= 1:
        return lines
    return [
        *(*lines[:_SHOWN_FIRST], f"... {cut} more lines ..."),
        *lines[-_SHOWN_LAST:],
    ]


def _canaries_sing() -> bool:
    budget = Budget.of_runs(_CANARY_RUNS)
    racy = explore_source(_CANARY, "racy", budget=budget)
    safe = explore_source(_CANARY, "safe", budget=budget)
    return racy.failed and safe.verdict is Verdict.NOTHING_FOUND
