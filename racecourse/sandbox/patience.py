"""When to stop waiting for a worker: by what it does, not by the clock on the wall alone.

On a crowded machine a second on the wall is little time on a core, and a verdict must not
depend on the neighbours. So who works, rather than waits, may use a number of seconds
of CPU time, however long they take. Who waits in a real call uses none, and is found
out when every look at it, for a while, finds all of it asleep.
"""

import math
import os
from collections.abc import Callable
from time import monotonic
from typing import Protocol

LOOK_EVERY_S = 0.05


def _crowd() -> float:
    """How many there are for each core that want to run; at least 1, at most 20."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(20.0, max(1.0, waiting))


class Watched(Protocol):
    """What a patience looks at: a worker."""

    def cpu_seconds(self) -> float:
        """Return the CPU time of the whole tree so far."""
        ...

    def is_asleep(self) -> bool:
        """Whether every thread of the whole tree waits for something right now."""
        ...


class Patience:
    """Ends when a worker has had its CPU time, sleeps on, or has taken far too long.

    Args:
        worker: Whom to look at.
        cpu_until_s: How much CPU time the whole tree may have used, since it began.
        asleep_s: How long it may be asleep in one go without a move, in real seconds;
            more on a crowded machine, where whoever is to wake it may be late.
        moves: Counts what it did that others can see; it was awake if that changes.
        within_s: When it is over in any case, in real seconds from now.
    """

    def __init__(
        self,
        worker: Watched,
        *,
        cpu_until_s: float,
        asleep_s: float,
        moves: Callable[[], int] = lambda: 0,
        within_s: float = math.inf,
    ) -> None:
        self._worker = worker
        self._cpu_until_s, self._asleep_s = cpu_until_s, asleep_s * _crowd()
        self._moves, self._moved = moves, moves()
        self._last_awake = monotonic()
        self._end = self._last_awake + within_s

    def is_over(self) -> bool:
        """Look; tell whether waiting on is of no use. To be called again and again."""
        now, before, self._moved = monotonic(), self._moved, self._moves()
        if self._moved != before or not self._worker.is_asleep():
            self._last_awake = now
        return (
            now - self._last_awake > self._asleep_s
            or now >= self._end
            or self._worker.cpu_seconds() > self._cpu_until_s
        )
