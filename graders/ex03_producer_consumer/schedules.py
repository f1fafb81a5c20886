"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

import threading
import time

from solution import run_pipeline


def _say(item):
    producer, number = item
    if (producer, number) == (1, 1):
        raise ValueError("no")
    return item


def program():
    """Two producers and two consumers, a queue of one, and one item that fails (R2)."""
    result = run_pipeline(
        lambda i: [(i, 0), (i, 1)], _say, producers=2, consumers=2, maxsize=1
    )
    seen = sorted(result.results)
    assert seen == [(0, 0), (0, 1), (1, 0)], f"3 results expected, got {len(seen)}"
    assert len(result.errors) == 1, f"1 error expected, got {len(result.errors)}"
    assert result.produced == 4, f"produced: got {result.produced}, expected 4"
    assert result.consumed == 4, f"consumed: got {result.consumed}, expected 4"


def to_the_end():
    """Each consumer waits in consume() for the other, also at the last items (S1).

    So none may go home before, as one does that was woken for nothing and does not look
    again. If one has, the other waits for ever.
    """
    meeting = threading.Barrier(2)

    def meet(item):
        if item[1] == 1:
            meeting.wait()
        return item

    run_pipeline(lambda i: [(i, 0), (i, 1)], meet, producers=2, consumers=2, maxsize=1)


def bounded():
    """Two producers, a queue of one, and a consumer that is busy while anybody can go on (R1).

    What is made is read before what is consumed: the count may be too low, never too high.
    """
    made, consumed, ahead = [], [], []

    def source(i):
        for number in range(3):
            made.append((i, number))
            ahead.append(len(made) - len(consumed))
            yield i, number

    def consume(item):
        time.sleep(0.01)  # noqa: TID251 - on the engine's clock: others go first
        consumed.append(item)

    run_pipeline(source, consume, producers=2, consumers=1, maxsize=1)
    assert max(ahead) <= 4, (
        "with maxsize=1, 2 producers and 1 consumer at most 4 items may be made and not yet"
        f" consumed; there were {max(ahead)}"
    )
