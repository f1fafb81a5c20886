"""The first process of a worker's world: furnishes it, forks the worker, reaps.

In a process namespace of its own it is process 1: every orphan becomes its child, and
when it ends, the kernel ends everybody in the namespace (pid_namespaces(7)). It runs no
student code, and none can look into it or signal it.

It tells the keeper through a pipe that the worker waits for its launch, or why there is
none; and how the worker ended.
"""

import os
import select
import signal
import socket
from typing import NoReturn

from racecourse.sandbox import confine, worker
from racecourse.sandbox.launch import World
from racecourse.sandbox.linux import calls

WAITS = "waits"


def run(world: World, orders: socket.socket, news: int) -> NoReturn:
    """Become process 1 of a new world. Never returns."""
    try:
        calls.die_with_parent(signal.SIGKILL)
        confine.furnish(world)
        child = os.fork()
        if child == 0:
            worker.run(world, orders, news)
        orders.close()
        tell(news, WAITS)
        _reap(child, news)
    except BaseException as error:  # noqa: BLE001 - the keeper must hear of it
        tell(news, str(error))
    finally:
        os._exit(1)


def _reap(child: int, news: int) -> NoReturn:
    """Reap whoever ends, and tell of the worker; go on until the keeper ends us."""
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            select.poll().poll()  # nobody is left; the keeper decides when to go
            continue
        if pid == child:
            tell(news, str(os.waitstatus_to_exitcode(status)))


def tell(news: int, line: str) -> None:
    """Tell the keeper one line."""
    text = line.replace("\n", " ")[:1000]
    os.write(news, f"{text}\n".encode("utf-8", "backslashreplace"))
