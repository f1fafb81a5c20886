"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

from solution import run_pipeline


def _say(item):
    producer, number = item
    if (producer, number) == (1, 1):
        raise ValueError("no")
    return item


def program():
    """Two producers and two consumers, a queue of one, and one item that fails."""
    result = run_pipeline(
        lambda i: [(i, 0), (i, 1)], _say, producers=2, consumers=2, maxsize=1
    )
    seen = sorted(result.results)
    assert seen == [(0, 0), (0, 1), (1, 0)], f"3 results expected, got {len(seen)}"
    assert len(result.errors) == 1, f"1 error expected, got {len(result.errors)}"
    assert result.produced == 4, f"produced: got {result.produced}, expected 4"
    assert result.consumed == 4, f"consumed: got {result.consumed}, expected 4"
