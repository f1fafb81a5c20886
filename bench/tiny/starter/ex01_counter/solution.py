"""A thread-safe counter."""


class Counter:
    """Counts; any number of threads may add."""

    def add(self, n: int = 1) -> None:
        """Add n in one step."""
        raise NotImplementedError

    def value(self) -> int:
        """Return the sum of all adds so far."""
        raise NotImplementedError
