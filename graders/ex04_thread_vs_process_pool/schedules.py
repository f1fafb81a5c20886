"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

import time

from solution import Task, run_with

_ran = []


def _tenfold(number):
    _ran.append(number)
    # On the engine's clock, which costs nothing: the caller hands out all it wants to,
    # and then tasks end at one moment in both threads, with their callbacks.
    time.sleep(10)  # noqa: TID251 - see above
    return number * 10


def program():
    """Two threads share three tasks."""
    _ran.clear()
    tasks = [Task(str(n), _tenfold, (n,), "io") for n in (1, 2, 3)]
    values = [outcome.value for outcome in run_with("thread", tasks, 2)]
    assert values == [10, 20, 30], f"[10, 20, 30] expected, got {values!r}"
    assert len(_ran) == 3, f"3 tasks were given, {len(_ran)} were run"
