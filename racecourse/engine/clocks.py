"""Vector clocks: which of two moments came first, when either did.

Lamport's happens-before, counted as in Mattern, "Virtual Time and Global States
of Distributed Systems" (1989): each task counts its own epochs and remembers the
latest epoch of every other task that it has heard of.
"""

from __future__ import annotations


class VectorClock:
    """What one task, or one lock, has heard of every task."""

    __slots__ = ("_epochs",)

    def __init__(self) -> None:
        self._epochs: dict[int, int] = {}

    def epoch(self, task: int) -> int:
        """Return the latest epoch of `task` that is known here; 0 if none is."""
        return self._epochs.get(task, 0)

    def advance(self, task: int) -> None:
        """Begin the next epoch of `task`, whose clock this is."""
        self._epochs[task] = self._epochs.get(task, 0) + 1

    def merge(self, other: VectorClock) -> None:
        """Learn all that `other` knows."""
        for task, epoch in other._epochs.items():
            if self._epochs.get(task, 0) < epoch:
                self._epochs[task] = epoch
