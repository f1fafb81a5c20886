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

from racecourse.sandbox import keeper, protocol
from racecourse.sandbox.launch import LaunchSpec

_REQUEST_BYTES = 1 << 16
_FDS_PER_LAUNCH = 4


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
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need no reaping
    controls = {fd: socket.socket(fileno=fd) for fd in control_fds}
    gc.collect()
    gc.freeze()
    poller = select.poll()
    for fd in controls:
        poller.register(fd, select.POLLIN)
    while controls:
        for fd, _ in poller.poll():
            if not _serve(controls[fd], controls):
                poller.unregister(fd)
                controls.pop(fd).close()
    os._exit(0)  # nothing here needs the interpreter's long goodbye


def _serve(control: socket.socket, controls: dict[int, socket.socket]) -> bool:
    """Fork a keeper for one request; return False when the lane is gone."""
    data, fds, _, _ = socket.recv_fds(control, _REQUEST_BYTES, _FDS_PER_LAUNCH)
    if not data:
        return False
    request = protocol.decode(data[4:])
    if os.fork() == 0:
        for other in controls.values():
            other.close()
        keeper.run(LaunchSpec.from_plain(request), *fds)
    for fd in fds:
        os.close(fd)
    return True
