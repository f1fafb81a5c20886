"""How long to hold a thread: until the others had their chance, not until a time.

Theory of operation. A hold of some milliseconds lets the other threads pass, if they get
a core within that time. On a crowded machine they may not, and the race that the hold is
there for does not show. So a hold whose time is over goes on while another thread of
this process runs or waits for a core, and ends when all of them sleep in two looks one
after the other: nobody will come by any more. A thread that waits for Python's own lock
sleeps too, but only while somebody else runs, or while we look.

The kernel tells a thread's state in /proc (proc_pid_stat(5)); where there is none, a hold
is as long as its time.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from time import monotonic

LONGEST = 5  # a thread that spins is not waited for more than so many times as long

_TASKS = "/proc/self/task"
_LOOK_EVERY_S = 0.0005
_QUIET_LOOKS = 2


def hold(is_over: Callable[[float], object], *, at_least_s: float) -> None:
    """Block the calling thread.

    Args:
        is_over: Waits for so many seconds, and tells whether the hold is over; such as
            `threading.Event.wait`.
        at_least_s: How long to hold if it is not over before; on a crowded machine it may
            be `LONGEST` times as long.
    """
    end = monotonic() + at_least_s * LONGEST
    if is_over(at_least_s):
        return
    quiet_looks = 0
    while quiet_looks < _QUIET_LOOKS and monotonic() < end:
        quiet_looks = 0 if _others_are_awake() else quiet_looks + 1
        if is_over(_LOOK_EVERY_S):
            return


def _others_are_awake() -> bool:
    own = str(threading.get_native_id())
    with contextlib.suppress(OSError):
        # Without `pathlib`: every instant that a look takes, the others stand still.
        tasks = os.listdir(_TASKS)  # noqa: PTH208
        return any(_is_awake(task) for task in tasks if task != own)
    return False


def _is_awake(task: str) -> bool:
    """Whether a thread runs, or would if it had a core."""
    with (
        contextlib.suppress(OSError),  # it has ended
        open(f"{_TASKS}/{task}/stat", "rb", buffering=0) as stat,  # noqa: PTH123
    ):
        return stat.read().rpartition(b") ")[2].startswith(b"R")
    return False
