"""A program whose schedules are explored: small, whole, with an assertion of its own."""

import threading
import time

from solution import SingleFlight


def program():
    """Two threads ask for one key while the call is under way."""
    flight, calls = SingleFlight(), []

    def call():
        calls.append(1)
        time.sleep(10)  # noqa: TID251 - on the engine's clock: nobody comes later
        return "answer"

    def ask():
        assert flight.do("key", call) == "answer"

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1, f"2 callers of one key made {len(calls)} calls"
