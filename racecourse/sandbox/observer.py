"""Watching one worker's tree from outside: what it prints, how much it takes.

Runs in a thread of the lane. It keeps the beginning of the output, counts the rest, and
ends the tree when a limit of the check is passed. Memory and processes are looked at in
steps, so a tree can pass a limit for an instant without being seen; what the kernel
bounds hard is in `racecourse.sandbox.limits`.
"""

import contextlib
import os
import select
import threading
from collections.abc import Callable
from time import monotonic

from racecourse.model.exercise import Limits
from racecourse.model.verdict import Cause
from racecourse.sandbox import tree

_KEPT_BYTES = 16 << 10
_LOOK_EVERY_MS = 50
_MIB = 1 << 20


class Observer:
    """Reads the output of a worker and guards the limits of its tree.

    Args:
        output: Read end of the worker's output pipe.
        keeper_pid: Root of the tree; the keeper itself is not counted.
        limits: What the check allows.
        end: Called once, from the observer's thread, when a limit was passed.
    """

    def __init__(
        self, output: int, keeper_pid: int, limits: Limits, end: Callable[[], None]
    ) -> None:
        self._output = output
        self._keeper = keeper_pid
        self._limits = limits
        self._end = end
        self._kept = bytearray()
        self._printed = 0
        self._stop, self._wake = os.pipe()
        self.breach: tuple[Cause, str] | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def output(self) -> str:
        """The beginning of what was printed so far."""
        text = bytes(self._kept).decode("utf-8", "backslashreplace")
        if self._printed > len(self._kept):
            text += f"\n... {self._printed - len(self._kept)} more bytes not shown"
        return text

    def stop(self) -> None:
        """Read what is still in the pipe and end the thread."""
        os.write(self._wake, b"x")
        self._thread.join()
        for fd in (self._stop, self._wake):
            os.close(fd)

    def _watch(self) -> None:
        os.set_blocking(self._output, False)
        poller = select.poll()
        poller.register(self._output, select.POLLIN)
        poller.register(self._stop, select.POLLIN)
        next_look = 0.0
        while True:
            ready = [fd for fd, _ in poller.poll(_LOOK_EVERY_MS)]
            if self._output in ready and not self._read():
                poller.unregister(self._output)
            if self._stop in ready:
                self._read()
                return
            # By the clock: a submission that prints on and on is looked at as well.
            if monotonic() >= next_look:
                self._look()
                next_look = monotonic() + _LOOK_EVERY_MS / 1000

    def _read(self) -> bool:
        """Take what is there; return False at the end of the output."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):  # then look at the clock and the limits again
                part = os.read(self._output, 1 << 16)
                if not part:
                    return False
                self._printed += len(part)
                self._kept += part[: _KEPT_BYTES - len(self._kept)]
        if self._printed > self._limits.output_mib * _MIB:
            self._stop_tree(
                Cause.OUTPUT_LIMIT,
                f"It printed more than {self._limits.output_mib} MiB.",
            )
        return True

    def _look(self) -> None:
        pids = tree.descendants(self._keeper)
        if self.breach:
            self._end()  # again, for what was started meanwhile
            return
        if len(pids) > self._limits.processes:
            self._stop_tree(
                Cause.PROCESSES,
                f"{len(pids)} processes were alive at once; the limit is"
                f" {self._limits.processes}.",
            )
        used = tree.resident_mib(pids, limit_mib=self._limits.memory_mib)
        if used > self._limits.memory_mib:
            self._stop_tree(
                Cause.MEMORY,
                f"It used {used:.0f} MiB of memory; the limit is"
                f" {self._limits.memory_mib} MiB.",
            )

    def _stop_tree(self, cause: Cause, saw: str) -> None:
        if self.breach is None:
            self.breach = (cause, saw)
            self._end()
