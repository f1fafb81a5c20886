"""What stops the event loop: blocking connections, and sleep in any of its forms.

Notes named "blocked" go to the stage, with the line of the submission. A connection is
refused, because the server has its turn only when the loop's thread gives it one. Any
other sleep is measured: the kernel tells how long a thread has existed in wall time,
run, and waited for a core to run on. What remains is sleep, on a machine of any load.
"""

import asyncio
import contextlib
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns  # bound now: the clocks of `time` are moved later
from types import FrameType

from racecourse.engine.virtual_time import VirtualTimeLoop
from racecourse.sandbox import stage

NOTE = "blocked"  # with `how` and `line`, and `seconds` of a sleep

_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_NS_PER_S = 1_000_000_000
_LOOK_EVERY_S = 0.02


class BlockingConnectionError(RuntimeError):
    """A blocking connection was opened on the thread of the event loop."""


_refusing: list[bool] = []


def refuse_connections() -> None:
    """Refuse blocking connections on a virtual loop's thread, from now on."""
    if not _refusing:
        _refusing.append(True)
        sys.addaudithook(_refuse)


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if event != "socket.connect" or not isinstance(args[0], socket.socket):
        return
    sock = args[0]
    on_loop = isinstance(asyncio._get_running_loop(), VirtualTimeLoop)  # noqa: SLF001 - no exception
    if not on_loop or sock.family == socket.AF_UNIX or sock.gettimeout() == 0:
        return
    stage.note(NOTE, how="a blocking connection", line=_line(sys._getframe(1)))  # noqa: SLF001 - the only way to a caller's line
    raise BlockingConnectionError("a blocking connection stops the event loop")


class SleepWatch:
    """Tells the stage of each iteration of a loop that slept for long.

    Measures nothing where the kernel does not tell what a thread waits for. Made on the
    loop's thread; the loop calls `begin` and `rest` around its iterations.

    Args:
        over_s: Real seconds of sleep that are told.
    """

    def __init__(self, *, over_s: float) -> None:
        self._thread, self._over_s = threading.get_ident(), over_s
        self._begun: tuple[int, int, int] | None = None
        self._line = 0
        self._over = threading.Event()

    def begin(self) -> None:
        """Say that callbacks run from now on."""
        self._line = 0
        self._begun = _spent()

    def rest(self) -> None:
        """Say that they have run; tell of their sleep, if it was long."""
        begun, self._begun = self._begun, None
        now = _spent()
        if begun is None or now is None:
            return
        wall_ns, awake_ns, sleeps = (b - a for a, b in zip(begun, now, strict=True))
        asleep_s = (wall_ns - awake_ns) / _NS_PER_S
        # A virtual machine that is held up as a whole loses time, too, but its thread
        # has not given up its core by itself.
        if asleep_s > self._over_s and sleeps:
            stage.note(
                NOTE, how="a call that sleeps", seconds=asleep_s, line=self._line
            )

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Look now and then, from another thread, at which line this one stands."""
        looker = threading.Thread(target=self._look, daemon=True)
        looker.start()
        try:
            yield
        finally:
            self._over.set()
            looker.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the only way to another thread's line
            if self._begun is not None and frame is not None:
                self._line = _line(frame) or self._line


def _spent() -> tuple[int, int, int] | None:
    """Return the wall time, what of it this thread was awake, and how often it slept.

    Awake is a thread that runs or waits for a core; both times are nanoseconds.
    """
    try:
        ran, waited, _ = map(int, _SCHEDSTAT.read_text(encoding="ascii").split())
        sleeps = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    except (AttributeError, OSError, ValueError):
        return None
    return monotonic_ns(), ran + waited, sleeps


def _line(frame: FrameType | None) -> int:
    """Return the innermost line of the submission; 0 if there is none."""
    solution = getattr(sys.modules.get("solution"), "__file__", None)
    while frame is not None and frame.f_code.co_filename != solution:
        frame = frame.f_back
    return frame.f_lineno if frame else 0
