"""Modelled speedup: what CPU time says about parallel work, whatever the machine does.

The sum of the jobs' CPU time divided by the largest share that one worker carried. Under
the GIL a worker is a process, because its threads take turns. Two processes that shared
the work read 2.0 and threads read 1.0, with one core or eight, idle or busy: measured
1.82 to 2.00 and 1.00 under 0 to 3 CPU hogs and pinned to one core. The number alone does
not prove that anything ran at the same time; the overlap does.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEdge:
    """The start or end of one job: who ran it, and that worker's CPU time until then."""

    worker: Hashable
    cpu_s: float


def modelled_speedup(edges: Iterable[JobEdge]) -> float:
    """Return total CPU time over the largest worker's; 0.0 when nothing was used."""
    seen: dict[Hashable, list[float]] = defaultdict(list)
    for edge in edges:
        seen[edge.worker].append(edge.cpu_s)
    used = [max(times) - min(times) for times in seen.values()]
    largest = max(used, default=0.0)
    return sum(used) / largest if largest > 0 else 0.0
