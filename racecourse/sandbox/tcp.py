"""What is on its way between the two ends of a TCP connection on this machine.

Bytes, and the word that a connection was closed, travel through the kernel; under load
that takes a while. Linux counts what each end has sent and received, so that the
question "has everything arrived?" has an exact answer and needs no pause of a guessed
length. Where the kernel does not count, `look` returns None and a grace must do.
"""

import socket
import struct
import sys
from dataclasses import dataclass

_COUNTERS, _COUNTER = struct.Struct("=QQ"), struct.Struct("=I")
_RECEIVED_AT, _UNSENT_AT, _SENT_AT = (
    120,
    144,
    200,
)  # of `struct tcp_info`, the same since Linux 4.19
_BYTES = _SENT_AT + _COUNTERS.size
GRACE_S = 0.002  # real; what bytes get to arrive where nobody counts them
_ESTABLISHED, _CONNECTING = 1, 2


def _is_counted() -> bool:
    """Whether this kernel tells what we ask for; some say they are Linux and do not."""
    if sys.platform != "linux":
        return False
    with socket.socket() as end:
        return (
            len(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES)) == _BYTES
        )


IS_COUNTED = _is_counted()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One end of a connection at one moment."""

    connecting: bool
    established: bool  # neither end has closed it, as far as this one knows
    sent: int  # bytes, without those sent again
    unsent: int  # bytes that wait until the other end has read some
    received: int  # bytes; the end of the connection may count as one more


def look(end: socket.socket) -> Link | None:
    """Return how one end of a connection stands; None if that cannot be told.

    Args:
        end: A TCP socket, or asyncio's wrapper of one.
    """
    if not IS_COUNTED or end.fileno() < 0:
        return None
    try:
        raw = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES)
    except OSError:
        return None
    _, received = _COUNTERS.unpack_from(raw, _RECEIVED_AT)
    sent, again = _COUNTERS.unpack_from(raw, _SENT_AT)
    return Link(
        connecting=raw[0] == _CONNECTING,
        established=raw[0] == _ESTABLISHED,
        sent=sent - again,
        unsent=_COUNTER.unpack_from(raw, _UNSENT_AT)[0],
        received=received,
    )


def ports(end: socket.socket) -> tuple[int, int] | None:
    """Return the port of this end and of the other; None if it is not connected."""
    try:
        return end.getsockname()[1], end.getpeername()[1]
    except OSError:
        return None
