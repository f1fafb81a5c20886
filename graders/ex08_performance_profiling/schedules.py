"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

import json
import time

from solution import process_records


def program():
    """Two workers, two keys, each of them twice; a look-up takes its time."""
    asked = []

    def enrich(key):
        asked.append(key)
        time.sleep(1)  # noqa: TID251 - on the engine's clock
        return key

    source = [json.dumps({"key": key, "amount": 1}).encode() for key in "abab"]
    summary = process_records(source, enrich, workers=2)
    assert sorted(asked) == ["a", "b"], f"2 keys were looked up {len(asked)} times"
    assert summary.records == 4, f"records: got {summary.records}, expected 4"
    totals = dict(sorted(summary.totals.items()))
    assert totals == {"a": 2, "b": 2}, f"totals: got {totals}, expected a and b twice"
    assert summary.keys == ["a", "b"], f"keys: got {summary.keys}, expected a, then b"
