"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

from solution import Task, run_with

_ran = []


def _tenfold(number):
    _ran.append(number)
    return number * 10


def _on_two_threads(*numbers):
    _ran.clear()
    tasks = [Task(str(n), _tenfold, (n,), "io") for n in numbers]
    values = [outcome.value for outcome in run_with("thread", tasks, 2)]
    expected = [n * 10 for n in numbers]
    assert values == expected, f"{expected} expected, got {values!r}"
    assert len(_ran) == len(numbers), f"{len(numbers)} tasks, {len(_ran)} were run"


def queueing():
    """Two threads share three tasks: one has to wait."""
    _on_two_threads(1, 2, 3)


def pair():
    """A thread for each of two tasks: so few orders that those with two delays fit."""
    _on_two_threads(1, 2)
