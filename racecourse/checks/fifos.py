"""Named pipes as files: who has a file open is seen by the supervisor itself (tool T12).

The system lets a writer that does not want to wait open a named pipe only while somebody
has it open for reading. So the supervisor's own `open` tells how many of the files that
it handed out are being read right now, without asking anybody and without a clock:

    with Fifos(submission.folder, contents) as fifos:
        pending = submission.begin("whole_run", paths=fifos.paths)
        fifos.until(4, within_s=5)
        submission.settle(within_s=0.5)
        must.hold(len(fifos.reading()) == 4, "...")
        fifos.feed_until(lambda: submission.stage.count("returned") > 0, within_s=5)

A reader waits until its pipe has been fed: it can be held in the middle of reading a file
for as long as a check wants. What is fed is the content of the file, once, in two pieces:
who takes what a single read gives for everything gets the first. Who opens a pipe a second
time waits for ever.
"""

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep  # noqa: TID251 - looks from outside
from typing import Self

from racecourse.checks.demands import NotMeasurable

MOST_BYTES = 4096  # what every pipe takes at once, so that feeding never waits
_LOOK_EVERY_S = 0.01
_TAKEN_WITHIN_S = 1.0  # a first piece; later, a reader gets both pieces at once


class Fifos:
    """Named pipes in a folder that a worker can reach, one for each content.

    Args:
        folder: Where they are made; they are gone when the block ends.
        contents: What the reader of each is to get, `MOST_BYTES` at most.

    Raises:
        ValueError: If a content is too long.
        NotMeasurable: If this machine has no named pipes.
    """

    def __init__(self, folder: Path, contents: Sequence[bytes]) -> None:
        if any(len(content) > MOST_BYTES for content in contents):
            raise ValueError(f"a content has more than {MOST_BYTES} bytes")
        self._contents = tuple(contents)
        self._files = tuple(folder / f"pipe{n}" for n in range(len(contents)))
        self._writers: dict[int, int] = {}  # number of a pipe: our open end
        self._fed: set[int] = set()
        for file in self._files:
            _make(file)

    @property
    def paths(self) -> list[str]:
        """Where the pipes are, in the order of the contents."""
        return [str(file) for file in self._files]

    @property
    def fed(self) -> frozenset[int]:
        """The numbers of the pipes whose readers have got their content."""
        return frozenset(self._fed)

    def reading(self) -> frozenset[int]:
        """Look now: the numbers of the pipes, not fed yet, that somebody has open."""
        for number, file in enumerate(self._files):
            if number not in self._writers and number not in self._fed:
                with contextlib.suppress(_NobodyReads):
                    self._writers[number] = _open(file)
        return frozenset(n for n, end in self._writers.items() if _is_read(end))

    def until(self, count: int, *, within_s: float) -> frozenset[int]:
        """Wait until at least so many are being read; return what is, then or too late."""
        deadline = monotonic() + within_s
        while len(reading := self.reading()) < count and monotonic() < deadline:
            sleep(_LOOK_EVERY_S)
        return reading

    @staticmethod
    def first_piece(content: bytes) -> bytes:
        """Return what a reader gets of a content before the rest is written."""
        return content[: len(content) // 2]

    def feed(self) -> None:
        """Give those who are reading now their whole content, piece by piece.

        The rest is written when the first pieces have been taken, as by a slow writer.
        """
        ends = {number: self._writers.pop(number) for number in self.reading()}
        firsts = {number: self.first_piece(self._contents[number]) for number in ends}
        for number, end in ends.items():
            _write(end, firsts[number])
        deadline = monotonic() + _TAKEN_WITHIN_S
        while any(map(_is_to_be_taken, ends.values())) and monotonic() < deadline:
            sleep(_LOOK_EVERY_S / 10)
        for number, end in ends.items():
            _write(end, self._contents[number][len(firsts[number]) :])
            os.close(end)
            self._fed.add(number)

    def feed_until(self, over: Callable[[], bool], *, within_s: float) -> bool:
        """Feed whoever comes to read until something is over; return whether it was."""
        deadline = monotonic() + within_s
        while not (ended := over()) and monotonic() < deadline:
            self.feed()
            sleep(_LOOK_EVERY_S)
        return ended

    def close(self) -> None:
        """Let go who still reads, with nothing more to read, and remove the pipes."""
        self.reading()
        for end in self._writers.values():
            os.close(end)
        self._writers.clear()
        for file in self._files:
            file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _NobodyReads(Exception):  # noqa: N818 - an answer
    """Nobody has the pipe open for reading."""


def _make(file: Path) -> None:
    if not hasattr(os, "mkfifo"):
        raise NotMeasurable("This machine has no named pipes.")
    try:
        os.mkfifo(file, 0o644)
    except OSError as error:
        raise NotMeasurable(f"No named pipe can be made here: {error}.") from error


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ENXIO, errno.ENOENT}:  # or somebody removed it
            raise _NobodyReads from error
        raise


def _write(end: int, piece: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # the reader did not wait for us
        os.write(end, piece)


def _is_to_be_taken(end: int) -> bool:
    """Whether there is something in the pipe, and somebody who may read it."""
    (size,) = struct.unpack("i", fcntl.ioctl(end, termios.FIONREAD, bytes(4)))
    return size > 0 and _is_read(end)


def _is_read(end: int) -> bool:
    """Whether the pipe still has a reader: without one, writing to it is an error."""
    poller = select.poll()
    poller.register(end, 0)  # errors are told unasked
    return not poller.poll(0)
