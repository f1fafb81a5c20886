"""Given code: correct, and slow in five ways. Do not change this file.

It stands for the code that you inherit: it does what it should, and nobody dares to ask
what it costs. `process_records_slow` says what the answers are; yours must be the same.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass
class Summary:
    """What a run came to.

    Attributes:
        records: Records that were counted in `totals`.
        errors: Records that could not be parsed or enriched.
        totals: For each `enrich(key)` the sum of the amounts.
        keys: Distinct keys of parsed records, first seen first.
        cancelled: Whether the run was stopped before the end of the records.
    """

    records: int = 0
    errors: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    cancelled: bool = False


def parse(record: bytes) -> tuple[str, int]:
    """Return key and amount of one JSON record.

    Raises:
        ValueError: If it is not a valid record.
    """
    pattern = re.compile(r"[\w .-]+")
    data = json.loads(record.decode("utf-8"))
    if not isinstance(data, dict):
        raise ValueError("not an object")
    key, amount = data.get("key"), data.get("amount")
    if not isinstance(key, str) or not pattern.fullmatch(key):
        raise ValueError(f"bad key: {key!r}")
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise ValueError(f"bad amount: {amount!r}")
    return key, amount


def enrich(key: str) -> str:
    """Look something up somewhere else, slowly."""
    time.sleep(0.002)
    return key.strip().lower()


def process_records_slow(
    records: Iterable[bytes],
    enrich: Callable[[str], str] = enrich,
    *,
    workers: int = 4,
    cancel: threading.Event | None = None,
) -> Summary:
    """Sum up the records; five things in here make it slow."""
    if workers < 1:
        raise ValueError("workers must be at least 1")
    decoded = [(raw, raw.decode("utf-8", "replace")) for raw in records]
    summary = Summary()
    lock = threading.Lock()
    labels: list[tuple[str, str]] = []
    seen: list[str] = []
    position = 0
    finished: list[int] = []

    def work() -> None:
        nonlocal position
        while cancel is None or not cancel.is_set():
            with lock:
                if position >= len(decoded):
                    break
                raw = decoded[position][0]
                position += 1
                try:
                    key = parse(raw)[0]
                    amount = parse(raw)[1]
                    if key not in seen:
                        seen.append(key)
                        labels.append((key, enrich(key)))
                    label = next(text for known, text in labels if known == key)
                    summary.totals[label] = summary.totals.get(label, 0) + amount
                    summary.records += 1
                except Exception:
                    summary.errors += 1
        finished.append(1)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    while len(finished) < workers:
        pass
    for thread in threads:
        thread.join()
    summary.keys = seen
    summary.cancelled = position < len(decoded)
    return summary
