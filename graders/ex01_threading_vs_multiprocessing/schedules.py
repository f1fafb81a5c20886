"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

from solution import run_threaded

_ran = []


def _tenfold(number):
    _ran.append(number)
    return number * 10


def program():
    """Two threads share three jobs."""
    _ran.clear()
    results = run_threaded(_tenfold, [1, 2, 3], 2)
    assert results == [10, 20, 30], f"[10, 20, 30] expected, got {results!r}"
    assert len(_ran) == 3, f"3 jobs were given, {len(_ran)} were run"
