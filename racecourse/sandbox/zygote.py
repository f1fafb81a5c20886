"""The zygote: a clean interpreter that forks one sandboxed worker after another.

Theory of operation. Importing asyncio, multiprocessing and aiohttp costs 80 to 300 ms, a
fork costs 2. So one interpreter is started clean, before the supervisor has read any
grader; it imports public modules only, freezes its heap and then does nothing but fork.

    lane  --(launch + 4 file descriptors)-->  zygote  --fork-->  keeper  --fork-->  worker

It is always one keeper ahead: a keeper with a worker, in a world of its own, stands ready
before anybody asks, and a launch is handed on to it. So making namespaces and building
a root costs the one who launches no time. What stands ready has seen nothing of any
submission, and serves one launch only.

Each lane of the supervisor has a control socket of its own to the zygote, and for each
worker a second one to its keeper. Nobody needs to be told when somebody dies: every
link is a socket, and a closed socket ends the process at the other end. So `kill -9` of
the supervisor ends lanes, zygote, keepers and workers, in that order, without a handler.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from time import monotonic

from racecourse.sandbox import keeper, orders, protocol, tree
from racecourse.sandbox.launch import World

_SEND_WITHIN_S = 5.0
_KEEPERS_END_WITHIN_S = 8.0


def main() -> None:
    """Serve launch requests until every control socket is closed.

    The command line holds the control sockets' file descriptors, the modules to import
    first, those that the second worker is early enough for, and the world of all workers,
    as JSON.
    """
    control_fds, preload, then, world = map(json.loads, sys.argv[1:5])
    for name in preload:
        # What cannot be imported here fails again, with a message, in the submission.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's
    tree.adopt_orphans()  # of keepers that a submission killed
    _freeze_heap()
    zygote = _Zygote(World.from_plain(world), control_fds)
    for name in then:
        importlib.import_module(name)
    _freeze_heap()
    zygote.serve()
    os._exit(0)  # nothing here needs the interpreter's long goodbye


def _freeze_heap() -> None:
    gc.collect()
    gc.freeze()


class _Zygote:
    def __init__(self, world: World, control_fds: list[int]) -> None:
        self._world = world
        self._controls = {fd: socket.socket(fileno=fd) for fd in control_fds}
        self._keepers: set[int] = set()
        self._next = self._make_ready()

    def serve(self) -> None:
        """Serve until every lane is gone, and leave nothing behind."""
        poller = select.poll()
        for fd in self._controls:
            poller.register(fd, select.POLLIN)
        while self._controls:
            for fd, _ in poller.poll():
                if not self._obey(self._controls[fd]):
                    poller.unregister(fd)
                    self._controls.pop(fd).close()
        self._next.close()
        _last_sweep(self._keepers)

    def _obey(self, control: socket.socket) -> bool:
        """Launch or sweep, as one order says; return False when the lane is gone."""
        order = orders.receive(control)
        if order is None:
            return False
        message, fds = order
        if "sweep" in message:
            _end_keepers(self._keepers & {message["sweep"]})
            _sweep(self._keepers)
            protocol.send(control, {"swept": True}, within_s=_SEND_WITHIN_S)
            return True
        # One that is gone takes its descriptors with it, and the lane hears of that.
        with contextlib.suppress(OSError):
            orders.send(self._next, message, fds)
        orders.close(fds)
        self._next.close()
        _sweep(self._keepers)
        self._next = self._make_ready()
        return True

    def _make_ready(self) -> socket.socket:
        """Fork a keeper ahead of its launch; return the link that its order goes by."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            for control in self._controls.values():
                control.close()
            keeper.run(self._world, theirs)
        theirs.close()
        self._keepers.add(pid)
        return ours


def _has_ended(pid: int) -> bool:
    try:
        return bool(os.waitpid(pid, os.WNOHANG)[0])
    except ChildProcessError:  # a sweep reaped it together with its orphans
        return True


def _last_sweep(keepers: set[int]) -> None:
    """Wait for the keepers, who go when their lanes are gone; then leave nothing."""
    deadline = monotonic() + _KEEPERS_END_WITHIN_S
    while keepers and monotonic() < deadline:
        select.poll().poll(2)
        _sweep(keepers)
    tree.end_all_below(os.getpid())


def _end_keepers(keepers: set[int]) -> None:
    """Kill keepers that do not answer: a submission may have stopped them."""
    for pid in keepers:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _sweep(keepers: set[int]) -> None:
    """Reap keepers that have ended, and end the orphans of one that was killed."""
    keepers -= {pid for pid in keepers if _has_ended(pid)}
    tree.end_all_below(os.getpid(), sparing=keepers)
