"""When to stop waiting for a search: by the work it did, not by the clock on the wall.

A search is as long as its number of executions. On a busy machine it takes longer, and
cutting it off there would make the verdict depend on the neighbours; so it may use a
number of seconds of CPU time, however long they take. What waits in a real call that the
engine does not control uses none: it is given up after some seconds in which every look
found all of it asleep.
"""

from time import monotonic
from typing import Protocol

SEARCH_CPU_S = 10.0
"""A search of some hundred executions takes less than a second of CPU time."""
_ASLEEP_S = 4.0


class Watched(Protocol):
    """What a patience looks at: a worker."""

    def cpu_seconds(self) -> float:
        """Return the CPU time of the whole tree so far."""
        ...

    def is_asleep(self) -> bool:
        """Whether every thread of the whole tree waits for something right now."""
        ...


class Patience:
    """Ends when the worker used `cpu_s` seconds of CPU time from now on, or fell asleep."""

    def __init__(self, worker: Watched, *, cpu_s: float) -> None:
        self._worker = worker
        self._cpu_limit_s = worker.cpu_seconds() + cpu_s
        self._last_awake = monotonic()

    def is_over(self) -> bool:
        """Look; tell whether waiting on is of no use. To be called a few times a second."""
        now = monotonic()
        if not self._worker.is_asleep():
            self._last_awake = now
        asleep_s = now - self._last_awake
        return asleep_s > _ASLEEP_S or self._worker.cpu_seconds() > self._cpu_limit_s
