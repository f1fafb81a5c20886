"""A thread-safe counter."""

import threading


class Counter:
    """Counts; any number of threads may add."""

    def __init__(self) -> None:
        self._value = 0
        self._lock = threading.Lock()

    def add(self, n: int = 1) -> None:
        """Add n in one step."""
        with self._lock:
            self._value += n

    def value(self) -> int:
        """Return the sum of all adds so far."""
        with self._lock:
            return self._value
