"""The zygote: a clean interpreter that forks one sandboxed worker after another.

Theory of operation. Importing asyncio, multiprocessing and aiohttp costs 80 to 300 ms, a
fork costs 2. So one interpreter is started clean, before the supervisor has read any
grader; it imports public modules only, freezes its heap and then does nothing but fork.

    lane  --(launch + 4 file descriptors)-->  zygote  --fork-->  keeper  --fork-->  worker

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

from racecourse.sandbox import keeper, protocol, tree
from racecourse.sandbox.launch import LaunchSpec

_REQUEST_BYTES = 1 << 16
_FDS_PER_LAUNCH = 4
_SEND_WITHIN_S = 5.0
_KEEPERS_END_WITHIN_S = 8.0


def main() -> None:
    """Serve launch requests until every control socket is closed.

    The command line holds the control sockets' file descriptors and the modules to
    import first, as two JSON lists.
    """
    control_fds, preload = map(json.loads, sys.argv[1:3])
    for name in preload:
        # What cannot be imported here fails again, with a message, in the submission.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's
    tree.adopt_orphans()  # of keepers that a submission killed
    keepers: set[int] = set()
    controls = {fd: socket.socket(fileno=fd) for fd in control_fds}
    gc.collect()
    gc.freeze()
    poller = select.poll()
    for fd in controls:
        poller.register(fd, select.POLLIN)
    while controls:
        for fd, _ in poller.poll():
            if not _serve(controls[fd], controls, keepers):
                poller.unregister(fd)
                controls.pop(fd).close()
    _last_sweep(keepers)
    os._exit(0)  # nothing here needs the interpreter's long goodbye


def _serve(
    control: socket.socket, controls: dict[int, socket.socket], keepers: set[int]
) -> bool:
    """Fork a keeper or sweep, as one request says; return False when the lane is gone."""
    data, fds, _, _ = socket.recv_fds(control, _REQUEST_BYTES, _FDS_PER_LAUNCH)
    if not data:
        return False
    request = protocol.decode(data[4:])
    if "sweep" in request:
        _end_keepers(keepers & {request["sweep"]})
    _sweep(keepers)
    if "sweep" in request:
        protocol.send(control, {"swept": True}, within_s=_SEND_WITHIN_S)
        return True
    pid = os.fork()
    if pid == 0:
        for other in controls.values():
            other.close()
        keeper.run(LaunchSpec.from_plain(request), *fds)
    keepers.add(pid)
    for fd in fds:
        os.close(fd)
    return True


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
