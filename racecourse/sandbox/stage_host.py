"""The stage, seen from the supervisor: what happened, who met, and when.

This is evidence of tiers T0 and T2: the log is written here, in the order in which the
questions arrived, stamped with the supervisor's clock and with the process id that the
kernel vouches for. A worker can refuse to ask; it cannot write history.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import select
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any

from racecourse.sandbox import protocol, tree

# Threads of an interpreter without the GIL count as workers; the worker runs the same
# interpreter as we do.
HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()

_LOG_ENTRIES = 100_000
_LOG_BYTES = 32 << 20  # of names and data; what a worker sends must not fill us up
_NAME_CHARS = 200
_WAIT_S = 600.0
_CONNECTIONS = 400
_FOREVER_S = 1e6
_SEND_WITHIN_S = 10.0
_SO_PEERCRED = struct.Struct("3i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the log."""

    kind: str  # note, enter, leave, met, waiting, passed, read, write
    name: str
    at_ns: int  # the supervisor's monotonic clock
    pid: int  # from the kernel where it tells, else what the worker claims
    worker: tuple[int, int]  # what runs jobs in parallel: a process under the GIL
    cpu_s: float  # CPU time of that worker so far, seen from outside
    data: dict[str, Any]
    link: int = 0  # the connection: each thread of the worker has one of its own


class StageHost:
    """Answers the stage's questions in threads of the supervisor.

    Args:
        address: Path of the Unix socket to listen on; must not exist yet.
    """

    def __init__(self, address: str) -> None:
        self._changed = threading.Condition()
        self._log: list[Event] = []
        self._log_bytes = 0
        self._inside: Counter[str] = Counter()
        self._inside_by: Counter[tuple[int, str]] = Counter()
        self._connections: Counter[int] = Counter()
        self._peak: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._open: set[str] = set()
        self._meetings: dict[str, _Meeting] = {}
        self._supplies: dict[str, Iterator[Any]] = {}
        self._cells: dict[str, _Cell] = {}
        self._links = itertools.count(1)
        self._idle: dict[int, socket.socket] = {}  # who may ask, by its link
        self._at_work = 0  # questions that have come and are not answered yet
        self._answers: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.address = address
        self._listener = _Listener(address, self)

    def close(self) -> None:
        """Let everybody go who waits here, and take no more questions."""
        self.open_all()
        self._listener.close()

    # What graders ask.

    def log(self, name: str | None = None, kind: str | None = None) -> list[Event]:
        """Return the events so far, oldest first, optionally of one name or kind."""
        with self._changed:
            return [
                event
                for event in self._log
                if name in {None, event.name} and kind in {None, event.kind}
            ]

    def count(self, name: str, kind: str = "note") -> int:
        """Return how many such events the log has."""
        return len(self.log(name, kind))

    def peak(self, name: str) -> int:
        """Return how many were inside `name` at once, at most."""
        with self._changed:
            return self._peak[name]

    def waiting(self, gate: str) -> int:
        """Return how many wait at a gate now."""
        with self._changed:
            return self._waiting[gate]

    def open(self, gate: str) -> None:
        """Open a gate for good: all who wait and all who come pass."""
        with self._changed:
            self._open.add(gate)
            self._changed.notify_all()

    def open_all(self) -> None:
        """Open every gate and break up every meeting, so that nobody waits for us."""
        with self._changed:
            self._open.add("*")
            self._changed.notify_all()

    def supply(self, name: str, values: Iterable[Any]) -> None:
        """Lay out values that `draw` hands over one by one, in any process."""
        with self._changed:
            self._supplies[name] = iter(values)

    def keep(self, cell: str, value: Any, *, hold_s: float = 0.015) -> None:
        """Keep a value that the worker reads and writes through us.

        Args:
            cell: Its name.
            value: What it is at first; plain JSON.
            hold_s: How long the answer to a read is held back, for a second reader.
        """
        with self._changed:
            self._cells[cell] = _Cell(value=value, hold_s=hold_s)

    def value_of(self, cell: str) -> Any:
        """Return what a kept value is now."""
        with self._changed:
            return self._cells[cell].value

    def answer_by(self, name: str, answer: Callable[[dict[str, Any]], Any]) -> None:
        """Have `answer` reply to what `ask` asks under this name.

        It is called with the data of each question, in the thread of whoever asks, and
        returns plain JSON. It must bear any data: the worker may send what it likes.
        """
        with self._changed:
            self._answers[name] = answer

    def until(self, seen: Callable[["StageHost"], bool], *, within_s: float) -> bool:
        """Wait until something was seen; return whether it was, in time."""
        with self._changed:
            # The predicate takes the same lock again through log() and its kin.
            return self._changed.wait_for(lambda: seen(self), timeout=within_s)

    def is_behind(self) -> bool:
        """Whether a question has come that we could have dealt with, and have not.

        On a busy machine a thread of ours may have to wait for its turn. Then the worker
        sleeps, and the log does not grow, and still something moves. Who waits for a gate
        to open or for others to come is dealt with.
        """
        poller = select.poll()
        with self._changed:
            held = 0
            if "*" not in self._open:
                held += sum(meeting.here for meeting in self._meetings.values())
                held += sum(
                    count
                    for gate, count in self._waiting.items()
                    if gate not in self._open
                )
            if self._at_work > held:
                return True
            for connection in (self._listener.socket, *self._idle.values()):
                with contextlib.suppress(ValueError):  # closed at this very moment
                    poller.register(connection, select.POLLIN)
        return bool(poller.poll(0))

    # What the worker asks. Called in the thread of one connection.

    def answer(  # noqa: C901 - one line for each operation
        self, question: dict[str, Any], peer_pid: int | None, link: int = 0
    ) -> Any:
        """Handle one question; block as long as its answer takes."""
        operation, name = str(question["op"]), str(question["name"])
        pid = peer_pid or int(question["pid"])
        data = question.get("data", {})
        if not isinstance(data, dict) or len(name) > _NAME_CHARS:
            raise protocol.ProtocolError("not a question of ours")
        entry = _Entry(self, name, pid, int(question["tid"]), data, link)
        match operation:
            case "note":
                entry.write("note")
            case "enter":
                self._enter(entry)
            case "leave":
                self._leave(entry)
            case "wait":
                self._wait(entry)
            case "meet":
                return self._meet(
                    entry,
                    int(question["parties"]),
                    min(float(question["within_s"]), _WAIT_S),
                )
            case "read":
                return self._read(entry)
            case "write":
                self._write(entry, question["value"])
            case "draw":
                with self._changed:
                    return next(self._supplies.get(name, iter(())), None)
            case "ask":
                return self._answers[name](data)
            case _:
                raise protocol.ProtocolError(f"no operation {operation!r}")
        return None

    def admit(self, listener: socket.socket) -> tuple[socket.socket, int | None, int]:
        """Accept a connection that has come; return it, its process and its number."""
        with self._changed:  # what has left the listener's queue is known to be here
            connection, _ = listener.accept()
            peer, link = _peer_pid(connection), next(self._links)
            self._connections[peer or 0] += 1
            self._idle[link] = connection
            return connection, peer, link

    @contextlib.contextmanager
    def at_work(self, link: int) -> Iterator[None]:
        """Note that a question of this connection is read and dealt with."""
        with self._changed:
            connection = self._idle.pop(link)
            self._at_work += 1
        try:
            yield
        finally:
            with self._changed:
                self._at_work -= 1
                self._idle[link] = connection

    def went(self, pid: int, link: int) -> None:
        """Note that a connection closed; a process that is gone is inside of nothing."""
        with self._changed:
            del self._idle[link]
            self._connections[pid] -= 1
            if self._connections[pid] > 0:
                return
            del self._connections[pid]
            for key in [key for key in self._inside_by if key[0] == pid]:
                self._inside[key[1]] -= self._inside_by.pop(key)
            self._changed.notify_all()

    def _enter(self, entry: "_Entry") -> None:
        with self._changed:
            entry.write("enter")  # first: a full log must not be counted
            self._inside_by[entry.pid, entry.name] += 1
            self._inside[entry.name] += 1
            self._peak[entry.name] = max(
                self._peak[entry.name], self._inside[entry.name]
            )
            self._changed.notify_all()

    def _leave(self, entry: "_Entry") -> None:
        with self._changed:
            # Who did not enter cannot make room for others.
            if self._inside_by[entry.pid, entry.name] > 0:
                self._inside_by[entry.pid, entry.name] -= 1
                self._inside[entry.name] -= 1
            entry.write("leave")

    def _wait(self, entry: "_Entry") -> None:
        with self._changed:
            entry.write("waiting")
            self._waiting[entry.name] += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open & {entry.name, "*"})
            self._waiting[entry.name] -= 1
            entry.write("passed")

    def _meet(self, entry: "_Entry", parties: int, within_s: float) -> bool:
        with self._changed:
            entry.write("arrived")
            meeting = self._meetings.setdefault(entry.name, _Meeting())
            meeting.here += 1
            self._peak[entry.name] = max(self._peak[entry.name], meeting.here)
            if meeting.here >= parties:
                meeting.complete = True
                del self._meetings[entry.name]
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: meeting.complete or "*" in self._open, timeout=within_s
            )
            if not meeting.complete:
                meeting.here -= 1
            entry.write("met" if meeting.complete else "missed")
            return meeting.complete

    def _read(self, entry: "_Entry") -> Any:
        """Read at once; hold the answer back until another one reads, or for a while."""
        with self._changed:
            cell = self._cells[entry.name]
            value = cell.value
            dataclasses.replace(entry, data={"value": value}).write("read")
            if cell.held is not None:
                cell.held = (
                    None  # we are the other one: both go on, with the same value
                )
                self._changed.notify_all()
                return value
            cell.held = entry
            self._changed.wait_for(
                lambda: cell.held is not entry or "*" in self._open, timeout=cell.hold_s
            )
            if cell.held is entry:
                cell.held = None
            return value

    def _write(self, entry: "_Entry", value: Any) -> None:
        with self._changed:
            dataclasses.replace(entry, data={"value": value}).write("write")
            self._cells[entry.name].value = value

    def _append(self, event: Event) -> None:
        with self._changed:
            self._log_bytes += len(event.name) + len(json.dumps(event.data))
            if len(self._log) >= _LOG_ENTRIES or self._log_bytes > _LOG_BYTES:
                raise protocol.ProtocolError("too many events")
            self._log.append(event)
            self._changed.notify_all()


@dataclass
class _Cell:
    value: Any
    hold_s: float
    held: "_Entry | None" = None  # the read whose answer is held back


@dataclass
class _Meeting:
    here: int = 0
    complete: bool = False


@dataclass(frozen=True)
class _Entry:
    host: StageHost
    name: str
    pid: int
    tid: int
    data: dict[str, Any]
    link: int = 0

    def write(self, kind: str) -> None:
        with self.host._changed:  # noqa: SLF001 - one unit in two classes
            # Stamped under the lock: the log's order is the order of its times.
            self.host._append(self._event(kind))  # noqa: SLF001 - likewise

    def _event(self, kind: str) -> Event:
        return Event(
            kind=kind,
            name=self.name,
            at_ns=monotonic_ns(),
            pid=self.pid,
            worker=(self.pid, 0) if HAS_GIL else (self.pid, self.tid),
            cpu_s=self._cpu_seconds() if kind in _TIMED else 0.0,
            data=self.data,
            link=self.link,
        )

    def _cpu_seconds(self) -> float:
        if HAS_GIL:
            return tree.cpu_seconds([self.pid])
        return tree.thread_cpu_seconds(self.pid, self.tid)


_TIMED = {"enter", "leave"}


class _Listener:
    """Accepts connections and gives each a thread, until closed."""

    def __init__(self, address: str, host: StageHost) -> None:
        self._host = host
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(address)
        os.chmod(address, 0o666)  # noqa: PTH101, S103 - its folder decides who comes here
        self.socket.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.socket.close()

    def _accept(self) -> None:
        # A socket that was closed has no descriptor to wait for: a ValueError.
        with contextlib.suppress(OSError, ValueError):
            while True:
                _until_readable(self.socket)
                connection, peer, link = self._host.admit(self.socket)
                if self._free.acquire(blocking=False):
                    threading.Thread(
                        target=self._converse,
                        args=(connection, peer, link),
                        daemon=True,
                    ).start()
                else:
                    connection.close()
                    self._host.went(peer or 0, link)

    def _converse(self, connection: socket.socket, peer: int | None, link: int) -> None:
        """Answer one thread of the worker; one that talks nonsense is cut off."""
        ended = (
            protocol.ChannelClosed,
            protocol.DeadlinePassed,
            protocol.ProtocolError,
            *(KeyError, TypeError, ValueError, OverflowError),
        )
        try:
            with connection, contextlib.suppress(*ended):
                while True:
                    _until_readable(connection)
                    with self._host.at_work(link):
                        question = protocol.receive(connection, within_s=_FOREVER_S)
                        value = self._host.answer(question, peer, link)
                        reply = {"value": value}
                        protocol.send(connection, reply, within_s=_SEND_WITHIN_S)
        finally:
            self._host.went(peer or 0, link)
            self._free.release()


def _until_readable(place: socket.socket) -> None:
    """Wait until something has come, and leave it there."""
    poller = select.poll()
    poller.register(place, select.POLLIN)
    poller.poll()


def _peer_pid(connection: socket.socket) -> int | None:
    """Return the process at the other end, as the kernel knows it."""
    if sys.platform != "linux":
        return None
    raw = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _SO_PEERCRED.size
    )
    pid: int = _SO_PEERCRED.unpack(raw)[0]
    return pid if pid != os.getpid() else None
