"""A virtual clock over two processes: the worker's loop and the grader's server.

Theory of operation. The submission talks over real sockets to a real server, which the
supervisor runs; yet nobody waits in real time. The two sides take turns:

- The worker's loop runs until it has nothing more to do at this instant. Before it
  would move its clock it asks the stage for the server's turn: this is the time, this
  is when my next timer is due, and this much have I sent on each connection.
- The server, which stands still while the worker runs, first waits until all of that
  has arrived. Then it runs until it has nothing more to do. If it sent nothing, it moves
  the common clock to whichever timer is due first, its own or the worker's, and says so.
- When the server did send something, the worker waits until that has arrived, too.
- The server also says when its own next timer is due. Until then, as long as the worker
  sends, opens and closes nothing, it may move the clock by itself: nothing is lost, and
  a hand-over between two processes is saved, which is dear on a crowded machine.

So time never passes while anything is under way, however slow the machine is: a check
that holds once holds always. When neither side has a timer and nothing was sent, both
would wait for ever, and the worker is told so at once.

The supervisor's side is `racecourse.checks.website`. What the server saw, and when, is
written down there; the worker's only word in it is the time at which it hands over.
"""

import asyncio
import select
import selectors
import socket
import weakref
from collections.abc import Callable, Coroutine, Mapping
from time import monotonic  # bound now: the clocks of `time` are moved later
from typing import Any

from racecourse.engine.task_waits import waits_of
from racecourse.engine.virtual_time import LoopDeadlockError, VirtualTimeLoop
from racecourse.sandbox import blocked, stage, tcp, virtual

TURN = "turn of the server"  # what the worker asks the stage for

_ARRIVAL_S = 2.0  # real; longer than anything is under way on one machine
_LOOK_EVERY_S = 0.0005
_JOB_LOOK_S = 0.01
_Events = list[tuple[selectors.SelectorKey, int]]

# All of the process, not of one loop: a session that was never closed keeps its own.
_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def run(main: Coroutine[Any, Any, Any], **options: Any) -> dict[str, Any]:
    """Run `main` as `virtual.run` does, in step with the grader's server.

    The server sees who hung up at the end: there is a virtual second for it. A blocking
    connection on the loop's thread is refused and told to the stage, as a note named
    "blocked" with the line.
    """
    blocked.refuse_connections()
    return virtual.run(main, **{"loop_type": LockstepLoop, "settle_s": 1.0, **options})


def watch(watch: blocked.SleepWatch) -> None:
    """Have the running loop's iterations watched from now on."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, LockstepLoop):
        loop.watch = watch


class LockstepLoop(VirtualTimeLoop):
    """A virtual loop that lets the grader's server have its turn before time passes.

    Attributes:
        watch: Measures the sleep of each iteration, if it is there.
    """

    watch: blocked.SleepWatch | None = None
    _sent: Mapping[tuple[int, int], int] | None = None  # when the server had its turn
    _server_due_ns: int | None = None  # of its next timer

    def _wait(self, timeout: float | None) -> _Events:
        if self.watch is None:
            return super()._wait(timeout)
        self.watch.rest()
        try:
            return super()._wait(timeout)
        finally:
            self.watch.begin()

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect, and remember the socket to see what is under way on it."""
        _sockets.add(sock)
        await super().sock_connect(sock, address)

    def _wait_for_job(self) -> _Events:
        """Let the server serve what takes no time while a job runs in its thread."""
        deadline = monotonic() + self._job_patience_s
        while monotonic() < deadline:
            events = self._files.really_wait(_JOB_LOOK_S)
            if events := events or self._have_turn_taken(self.clock.now_ns):
                return events
        return super()._wait_for_job()

    def _wait_for_anything(self) -> _Events:
        return self._turn(self.clock.now_ns if self._hooks else None)

    def _wait_for_files(self) -> _Events:
        return []  # the server's turn says whether any are to come

    def _jump(self, due_ns: int) -> _Events:
        return self._turn(due_ns)

    def _turn(self, due_ns: int | None) -> _Events:
        """Give the server its turn, if it needs one, before time passes."""
        _wait_until(lambda: not any(link.connecting for link in _links().values()))
        if events := self._files.really_wait(0):
            return events
        if due_ns is None or not self._is_alone_until(due_ns):
            return self._have_turn_taken(due_ns)
        self.jumps += 1
        self.clock.advance_to(due_ns)
        return []

    def _is_alone_until(self, due_ns: int) -> bool:
        """Whether the server has nothing to do before, for all that it can know."""
        if not tcp.IS_COUNTED or self._sent != _sent():
            return False
        return self._server_due_ns is None or due_ns < self._server_due_ns

    def _have_turn_taken(self, due_ns: int | None) -> _Events:
        """Wait for the server's turn; then the time may be later, or files be ready."""
        self._sent = _sent()
        answer = stage.ask(
            TURN,
            now_ns=self.clock.now_ns,
            due_ns=due_ns,
            sent=[[*pair, count] for pair, count in self._sent.items()],
        )
        self._server_due_ns = answer["next_ns"]
        self.clock.advance_to(answer["now_ns"])
        if answer["stuck"]:
            why = "nothing is scheduled and nothing arrives"
            raise LoopDeadlockError(why, waits_of(self))
        if not answer["spoke"]:
            self.jumps += 1
            return []
        _wait_until(lambda: _has_arrived(answer["port"], dict(answer["sent"])))
        return self._files.really_wait(0 if tcp.IS_COUNTED else tcp.GRACE_S)


def _links() -> dict[tuple[int, int], tcp.Link]:
    """Look at every connection that is not known to be closed, by its two ports."""
    found = {}
    for sock in list(_sockets):
        link, pair = tcp.look(sock), tcp.ports(sock)
        if link and link.connecting:
            found[id(sock), 0] = link
        elif link and pair and link.established:
            found[pair] = link
    return found


def _sent() -> dict[tuple[int, int], int]:
    """Return how much went out on each connection, by its two ports."""
    return {pair: link.sent for pair, link in _links().items()}


def _has_arrived(port: int, sent: dict[int, int]) -> bool:
    """Whether all that the server at `port` sent, or closed, has reached this process."""
    ours = {pair[0]: link for pair, link in _links().items() if pair[1] == port}
    return all(own in sent and link.received >= sent[own] for own, link in ours.items())


def _wait_until(over: Callable[[], bool]) -> None:
    """Look again and again until it is over, and for a bounded real time."""
    deadline = monotonic() + _ARRIVAL_S
    while not over() and monotonic() < deadline:
        select.select([], [], [], _LOOK_EVERY_S)
