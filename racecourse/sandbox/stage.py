"""The stage, seen from the worker: meeting points, gates and a log kept by the grader.

Scenarios, and the jobs they hand to a submission, call these functions from any thread
or process. Each is one question to the supervisor and blocks until the answer comes, so
the supervisor sees who waited together and in which order things happened. Nothing here
decides anything.

    with stage.inside("consume"):      # who is inside at once is counted outside
        stage.meet("all in", parties=4, within_s=5)
        stage.note("consumed", item=item)
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from racecourse.sandbox import protocol

ADDRESS_VARIABLE = "RACECOURSE_STAGE"
_ANSWER_WITHIN_S = 600.0

_local = threading.local()


def note(event: str, **data: Any) -> None:
    """Write an event into the supervisor's log; return when it is written."""
    _ask("note", event, data=data)


def meet(name: str, *, parties: int, within_s: float = 5.0) -> bool:
    """Wait until this many callers are here together; say whether that came true."""
    return bool(_ask("meet", name, parties=parties, within_s=within_s))


def wait(gate: str) -> None:
    """Wait until the supervisor opens the gate. Once open, a gate stays open."""
    _ask("wait", gate)


def draw(name: str) -> Any:
    """Take the next value from a supply that the supervisor laid out; None at its end."""
    return _ask("draw", name)


def read(cell: str) -> Any:
    """Read a value that the supervisor keeps; the answer may be held back for a moment.

    Held, so that whoever else may read and write at the same time has every chance to.
    """
    return _ask("read", cell)


def write(cell: str, value: Any) -> None:
    """Write a value that the supervisor keeps, and knows the history of."""
    _ask("write", cell, value=value)


def ask(name: str, **data: Any) -> Any:
    """Ask the grader something that it said it would answer; return its answer."""
    return _ask("ask", name, data=data)


@contextlib.contextmanager
def inside(name: str, **data: Any) -> Iterator[None]:
    """Be counted as inside `name` while the block runs."""
    _ask("enter", name, data=data)
    try:
        yield
    finally:
        _ask("leave", name, data=data)


def _ask(operation: str, name: str, **fields: Any) -> Any:
    connection = _connection()
    message = {
        "op": operation,
        "name": name,
        "pid": os.getpid(),
        "tid": threading.get_native_id(),
        **fields,
    }
    protocol.send(connection, message, within_s=_ANSWER_WITHIN_S)
    return protocol.receive(connection, within_s=_ANSWER_WITHIN_S)["value"]


class _Connection(socket.socket):
    """Ends with its thread, without the warning that would stand in a student's output."""

    def __del__(self) -> None:
        self.close()


def _connection() -> socket.socket:
    """One connection per thread and process: a forked child must not share its parent's."""
    if getattr(_local, "pid", None) != os.getpid():
        connection = _Connection(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(os.environ[ADDRESS_VARIABLE])
        _local.connection, _local.pid = connection, os.getpid()
    existing: socket.socket = _local.connection
    return existing
