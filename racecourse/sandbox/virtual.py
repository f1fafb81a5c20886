"""Scenarios in virtual time: the worker's clock, and what one run did, as plain data.

A scenario of an exercise with `virtual_time = true` returns what `run` returns:

    def two_values():
        return virtual.run(_two_values())

The supervisor's side is `Submission.virtual` in `racecourse.checks`.
"""

import contextlib
import linecache
import sys
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from racecourse.engine import virtual_time as engine

_clock = engine.VirtualClock()  # one for the whole worker: it never goes back
_moved = contextlib.ExitStack()
_SHOWN = 8  # reports, warnings, tasks: more of the same teach nothing


def move_clocks() -> None:
    """Move the `time` module onto the virtual clock for the rest of the worker's life.

    Called before the submission is imported, so that its `from time import monotonic`
    takes a moved function too.
    """
    _moved.enter_context(engine.moved_clocks(_clock))


def run(main: Coroutine[Any, Any, Any], **options: Any) -> dict[str, Any]:
    """Run `main` to its end in virtual time and return everything seen as plain data.

    Args:
        main: Its value becomes `value`; what it raises comes out.
        options: Handed to `racecourse.engine.virtual_time.run`.
    """
    seen = engine.run(lambda: main, clock=_clock, **options)
    stuck = seen.error if isinstance(seen.error, engine.LoopStuckError) else None
    return {
        "value": None if stuck else seen.result(),
        "elapsed_s": seen.elapsed_s,
        "iterations": seen.iterations,
        "stuck": _stuck(stuck) if stuck else None,
        "reports": [_report(report) for report in seen.reports[:_SHOWN]],
        "leftovers": _stacks(seen.leftovers),
        "never_awaited": [warning.message for warning in seen.never_awaited[:_SHOWN]],
        "blocking_sleeps": [_sleep(sleep) for sleep in seen.blocking_sleeps[:_SHOWN]],
    }


def _stuck(error: engine.LoopStuckError) -> dict[str, Any]:
    return {
        "deadlock": isinstance(error, engine.LoopDeadlockError),
        "why": error.why,
        "stacks": _stacks(error.waits),
    }


def _report(report: engine.LoopReport) -> str:
    return f"{report.message} ({report.error})" if report.error else report.message


def _sleep(sleep: engine.BlockingSleep) -> dict[str, Any]:
    return {"seconds": sleep.seconds, "line": sleep.line}


def _stacks(waits: Iterable[engine.TaskWait]) -> list[dict[str, Any]]:
    """Tell where tasks wait: the student's lines, and the innermost call's name."""
    stacks = [
        {"name": _title(wait), "lines": _student_lines(wait.frames)}
        for wait in list(waits)[:_SHOWN]
    ]
    # A task without such a line is one of ours, or a job of ours inside theirs.
    return [stack for stack in stacks if stack["lines"]] or stacks


def _title(wait: engine.TaskWait) -> str:
    innermost = wait.frames[-1] if wait.frames else None
    if innermost is None or innermost.file in _content_files():
        return f"task {wait.task!r}"
    place = f"{Path(innermost.file).name} {innermost.function}()"
    return f"task {wait.task!r}, waiting in {place}"


def _student_lines(frames: Iterable[engine.AwaitFrame]) -> list[dict[str, Any]]:
    return [
        {
            "file": "solution.py",
            "line": frame.line,
            "function": frame.function,
            "code": linecache.getline(frame.file, frame.line).strip(),
        }
        for frame in frames
        if frame.file == sys.modules["solution"].__file__
    ]


def _content_files() -> set[str | None]:
    return {
        getattr(module, "__file__", None)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in {"solution", "scenarios"}
    }
