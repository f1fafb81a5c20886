"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

from solution import run_threaded


def program():
    """Two threads share three jobs."""
    ran = []

    def tenfold(number):
        ran.append(number)
        return number * 10

    results = run_threaded(tenfold, [1, 2, 3], 2)
    assert results == [10, 20, 30], f"[10, 20, 30] expected, got {results!r}"
    assert len(ran) == 3, f"3 jobs were given, {len(ran)} were run"
