"""The server's side of lockstep: a loop that runs only in its turns.

`racecourse.sandbox.lockstep` has the theory. Between turns nothing here runs, so that a
turn may be taken in whatever thread the question comes in.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Literal

from racecourse.engine.virtual_clock import NS_PER_S
from racecourse.engine.virtual_loop import VirtualTimeLoop
from racecourse.sandbox import tcp

_ARRIVAL_S = 2.0  # real; longer than anything is under way on one machine
_LOOK_EVERY_S = 0.0005
_HORIZON_NS = 24 * 3600 * NS_PER_S  # asyncio waits no longer; a later timer is none
_Events = list[tuple[selectors.SelectorKey, int]]


class ServerLoop(VirtualTimeLoop):
    """An event loop whose time passes only in turns, together with the worker's.

    Attributes:
        problems: What the server's own code left unhandled.

    Args:
        when_quiet: Called whenever nothing is left to do, nor under way, at an instant.
    """

    def __init__(self, *, when_quiet: Callable[[], object]) -> None:
        super().__init__()
        self._connections: set[asyncio.BaseTransport] = set()
        self._lost: set[int] = set()  # ports that were closed in this turn
        self._when_quiet = when_quiet
        self._due_ns: int | None = None
        self._theirs: Mapping[int, int] = {}
        self._told: Mapping[int, int] = {}  # bytes sent, as the worker has heard
        self._arrival_deadline = 0.0
        self._busy = self._spoke = self._stuck = False
        self._next_ns: int | None = None
        self._one_at_a_time = threading.Lock()
        self.problems: list[BaseException] = []

    def opened(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection into account."""
        self._connections.add(transport)
        self._lost.discard(_their_port(transport))

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection into account no more."""
        self._connections.discard(transport)
        self._lost.add(_their_port(transport))

    def take_turn(
        self, *, now_ns: int, due_ns: int | None, sent: Mapping[int, int]
    ) -> dict[str, Any]:
        """Run until nothing is left to do before the worker's next timer.

        Args:
            now_ns: The worker's time.
            due_ns: When its next timer is due; None if it has none.
            sent: How many bytes it has sent, by the port of its end.
        """
        with self._one_at_a_time:
            self.clock.advance_to(now_ns)
            self._due_ns, self._theirs = due_ns, sent
            self._arrival_deadline = monotonic() + _ARRIVAL_S
            self._busy = self._spoke = self._stuck = False
            self._lost.clear()
            self.run_forever()
            self._told = self._counts("sent")
            return {
                "now_ns": self.clock.now_ns,
                "spoke": self._spoke,
                "stuck": self._stuck,
                "next_ns": self.clock.now_ns if self._has_more() else self._next_ns,
                "sent": list(map(list, self._told.items())),
            }

    def end(self) -> None:
        """Drop every connection and end every task.

        Raises:
            Exception: The first that the server's own code left unhandled.
        """
        with self._one_at_a_time:
            for transport in list(self._connections):
                transport.abort()  # type: ignore[attr-defined]  # TCP transports have it
            for task in asyncio.all_tasks(self):
                task.cancel()
            self._due_ns, self._arrival_deadline = self.clock.now_ns, 0.0
            self.run_forever()
            self.close()
        for problem in self.problems:
            raise problem

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what went wrong, for `end`."""
        if isinstance(problem := context.get("exception"), Exception):
            self.problems.append(problem)

    def _begin_iteration(self) -> None:
        """Let no time pass: only turns do that."""

    def _wait(self, timeout: float | None) -> _Events:
        events = self._files.really_wait(0)
        if events or timeout == 0:
            self._busy = True
            return events
        if self._is_under_way() and monotonic() < self._arrival_deadline:
            return self._files.really_wait(_LOOK_EVERY_S)
        if not tcp.IS_COUNTED and (events := self._files.really_wait(tcp.GRACE_S)):
            return events
        self._when_quiet()
        self._spoke = self._has_spoken()
        wait_ns = _HORIZON_NS if timeout is None else round(timeout * NS_PER_S)
        self._next_ns = self.clock.now_ns + wait_ns if wait_ns < _HORIZON_NS else None
        if self._spoke or not self._pass_time():
            self.stop()
        return []

    def _has_spoken(self) -> bool:
        """Whether the worker has yet to hear of something that we sent or closed."""
        sent = self._counts("sent")
        return (
            any(count != self._told.get(port, 0) for port, count in sent.items())
            or not self._lost.isdisjoint(self._theirs)
            or (self._busy and not tcp.IS_COUNTED)
        )

    def _has_more(self) -> bool:
        """Whether we could send more at once if the worker read some."""
        return any(self._counts("unsent").values()) or any(
            transport.get_write_buffer_size()  # type: ignore[attr-defined]  # as above
            for transport in self._connections
        )

    def _pass_time(self) -> bool:
        """Move the clock to the next timer; return whether it is one of ours."""
        due_ns, next_ns = self._due_ns, self._next_ns
        if next_ns is not None and (due_ns is None or next_ns <= due_ns):
            self.clock.advance_to(next_ns)
            return True
        self._stuck = due_ns is None
        self.clock.advance_to(due_ns or 0)
        return False

    def _is_under_way(self) -> bool:
        """Whether anything that the worker sent, opened or closed is yet to be seen."""
        received = self._counts("received")
        return received.keys() != self._theirs.keys() - self._lost or any(
            received[port] < sent
            for port, sent in self._theirs.items()
            if port in received
        )

    def _counts(self, which: Literal["sent", "unsent", "received"]) -> dict[int, int]:
        """Return the bytes of each open connection, by the port of the other end."""
        counts = {}
        for transport in self._connections:
            link = tcp.look(transport.get_extra_info("socket"))
            if link is not None:
                counts[_their_port(transport)] = int(getattr(link, which))
        return counts


def _their_port(transport: asyncio.BaseTransport) -> int:
    return int(transport.get_extra_info("peername")[1])
