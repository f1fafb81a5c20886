"""The self-attack: what a hostile submission would try, tried by ourselves.

Runs in a worker of the level that is on trial, as its scenario. Each attack returns
whether it *succeeded*; a level that promises otherwise is not offered on this machine.
"""

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def attack(decoys: list[str], pid: int, port: int, tasks: int) -> list[str]:
    """Try everything once; return the names of what succeeded.

    Args:
        decoys: Files of the supervisor that nobody else may read.
        pid: A process of the supervisor.
        port: Where a service of the machine listens on loopback.
        tasks: How many processes and threads the worker may have.
    """
    tried: dict[str, Callable[[], bool]] = {
        "files": lambda: any(_reads(path) for path in decoys),
        "signals": lambda: _signals(pid),
        "network": lambda: _connects(port),
        "memory": lambda: _sees_memory(pid),
        "processes": lambda: _forks(2 * tasks) > tasks,
    }
    return [name for name, succeeds in tried.items() if succeeds()]


def survive() -> None:
    """Leave a process behind that has left session and group; return nothing."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(60)  # noqa: TID251 - it orders nothing: it stays
        os._exit(0)


def _reads(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return bool(file.read(1))
    except OSError:
        return False


def _signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _sees_memory(pid: int) -> bool:
    return _reads(f"/proc/{pid}/environ")


def _forks(wanted: int) -> int:
    """Fork children that only wait, until refused; return how many came to be."""
    gate, hold = os.pipe()
    children = []
    try:
        for _ in range(wanted):
            child = os.fork()
            if child == 0:
                os.close(hold)
                os.read(gate, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    os.close(hold)
    os.close(gate)
    for child in children:
        os.waitpid(child, 0)
    return len(children)
