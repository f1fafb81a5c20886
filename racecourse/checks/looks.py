"""Looks from outside: at what the stage saw, and at the processes."""

import contextlib
import multiprocessing
from collections.abc import Iterator, Sequence
from time import monotonic, sleep, thread_time  # noqa: TID251 - looks from outside, each explained
from typing import TYPE_CHECKING

from racecourse.checks.demands import Broken
from racecourse.measure.speedup import JobEdge, modelled_speedup
from racecourse.model.result import Stack
from racecourse.model.verdict import Cause
from racecourse.sandbox import tree
from racecourse.sandbox.endings import Hung, Raised
from racecourse.sandbox.stage_host import Event

if TYPE_CHECKING:
    from racecourse.checks.submission import Submission
    from racecourse.model.result import Stack

_A_LOOK_NOW_AND_THEN = 0.04  # of a core: what a look twenty times a second may cost


def start_methods() -> tuple[str, ...]:
    """Return the start methods of processes that this machine has (tool T14)."""
    return tuple(multiprocessing.get_all_start_methods())


def speedup_of(log: Sequence[Event]) -> float:
    """Return the modelled speedup of the jobs that entered and left the stage (T7)."""
    return modelled_speedup(
        JobEdge(worker=event.worker, cpu_s=event.cpu_s)
        for event in log
        if event.kind in {"enter", "leave"}
    )


def high_water(log: Sequence[Event], *, rises: str, falls: tuple[str, str]) -> int:
    """Return how far the notes named `rises` were ever ahead of the events `falls` (T17).

    Args:
        log: What the stage saw, oldest first.
        rises: Name of a note.
        falls: Name and kind of the event that answers it.
    """
    level = peak = 0
    for event in log:
        level += (event.name, event.kind) == (rises, "note")
        level -= (event.name, event.kind) == falls
        peak = max(peak, level)
    return peak


def cpu_shares(*submissions: "Submission", over_s: float) -> list[float]:
    """Return for each the CPU time of its tree, over that of a busy loop of ours (T9).

    All are watched over the same `over_s` seconds. What uses less than
    `_A_LOOK_NOW_AND_THEN` of a core is not a loop on any machine, and is told as it is.
    If there is more, all are watched once more, beside a loop of ours: it gets a whole
    core on a quiet machine and a small part of one on a crowded machine. So a loop of
    theirs is told from waiting on both: measured under a load of ten for each core, 0.3
    and more for loops and 0.0 for what waits.
    """
    shares, _ = _core_shares(submissions, over_s=over_s, busy_s=0.0)
    if max(shares) < _A_LOOK_NOW_AND_THEN:
        return shares
    shares, ours = _core_shares(submissions, over_s=over_s, busy_s=over_s / 3)
    return [s if s < _A_LOOK_NOW_AND_THEN else s / ours for s in shares]


def _core_shares(
    submissions: Sequence["Submission"], *, over_s: float, busy_s: float
) -> tuple[list[float], float]:
    """Return which share of a core each worker's tree got in `over_s` seconds, and ours.

    Ours is that of a loop of `busy_s` seconds at their beginning; 0.0 if there is none.
    """
    workers = [submission.worker for submission in submissions]
    before, start = [worker.cpu_seconds() for worker in workers], monotonic()
    ours = _busy_loop_share(busy_s) if busy_s else 0.0
    sleep(max(0.0, start + over_s - monotonic()))
    took_s = monotonic() - start
    used = [worker.cpu_seconds() - b for worker, b in zip(workers, before, strict=True)]
    return [cpu_s / took_s for cpu_s in used], ours


def _busy_loop_share(wall_s: float) -> float:
    begun, cpu_s = monotonic(), thread_time()
    while monotonic() < begun + wall_s:
        pass
    # Never 0: a clock that ticks may not have ticked.
    return max(0.05, (thread_time() - cpu_s) / (monotonic() - begun))


def torn_update(log: Sequence[Event], cell: str) -> tuple[Event, Event] | None:
    """Return a read whose write came after somebody else's step on the same value.

    Each thread reads a kept value and then writes what follows from it. Where that is
    one step for all others, as a lock makes it, no event of another thread lies between.
    The log is the supervisor's, so this is history (T2), not a claim.

    Args:
        log: What the stage saw, oldest first.
        cell: Name of the kept value.

    Returns:
        The read, and the first step of another thread that tore it from its write; None
        if every update was one step.
    """
    reading: dict[int, Event] = {}
    torn: dict[int, tuple[Event, Event]] = {}
    for event in log:
        if event.name != cell or event.kind not in {"read", "write"}:
            continue
        for link, read in reading.items():
            if link != event.link:
                torn.setdefault(link, (read, event))
        if event.kind == "read":
            reading[event.link] = event
        elif event.link in reading:
            del reading[event.link]
            if event.link in torn:
                return torn[event.link]
    return None


def handle_count(submission: "Submission") -> int:
    """Return how many files, pipes, sockets and selectors the worker has open (T8)."""
    return tree.handle_count(submission.worker.pid)


@contextlib.contextmanager
def told_with_stall(place: str, *, replay: str = "") -> Iterator[None]:
    """Say with a failure of the block that it came of a systematic stall, and where.

    Args:
        place: Where a thread was held, in words for the student.
        replay: Token of `grade replay`, if there is one.
    """
    stacks: tuple[Stack, ...] = ()
    try:
        yield
    except Broken as broken:
        cause, saw = Cause.RACE, broken.saw
    except Raised as raised:
        cause, saw = Cause.RACE, f"It raised {raised}."
    except Hung as hung:
        cause, stacks = Cause.DEADLOCK, hung.stacks
        saw = f"It did not come back within {hung.budget_s:.3g} s."
    else:
        return
    raise Broken(
        "A systematic stall held one thread for a moment, at the place shown here."
        f" {saw}",
        cause=cause,
        details=(place,),
        stacks=stacks,
        replay=replay,
    )
