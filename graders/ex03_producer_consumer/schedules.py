"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

import threading

from solution import run_pipeline

_LONG_S = 5.0  # in virtual time, which passes only when nobody can run


def program():
    """Two producers and two consumers, a queue of one, and one item that fails.

    The last items need both consumers at once, so none may have gone home before.
    """
    meeting = threading.Barrier(2)

    def say(item):
        if item[1] == 1:
            meeting.wait(_LONG_S)
        if item == (1, 1):
            raise ValueError("no")
        return item

    result = run_pipeline(
        lambda i: [(i, 0), (i, 1)], say, producers=2, consumers=2, maxsize=1
    )
    assert result.produced == 4, f"produced: got {result.produced}, expected 4"
    assert result.consumed == 4, f"consumed: got {result.consumed}, expected 4"
    assert not meeting.broken, (
        "the last 2 items were not consumed at the same time by the 2 consumers, as"
        " promise 6 says"
    )
    seen = sorted(result.results)
    assert seen == [(0, 0), (0, 1), (1, 0)], f"3 results expected, got {len(seen)}"
    assert len(result.errors) == 1, f"1 error expected, got {len(result.errors)}"
