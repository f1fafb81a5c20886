"""Orders between the trusted processes of the sandbox: a frame with file descriptors.

They travel from the lane to the zygote, from there to the keeper that stands ready, and
on to its worker. A frame with descriptors is read in one piece: the kernel ends a read
where descriptors were attached (unix(7)). Nothing of the submission runs yet at any end.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from racecourse.sandbox import protocol

_ORDER_BYTES = 1 << 16
_FDS_AT_MOST = 4


def send(
    link: socket.socket, message: Mapping[str, Any], fds: Sequence[int] = ()
) -> None:
    """Send an order.

    Raises:
        OSError: If the other end is gone.
    """
    socket.send_fds(link, [protocol.encode(message)], fds)


def receive(link: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for an order and return it with its descriptors; None if there will be none."""
    try:
        data, fds, _, _ = socket.recv_fds(link, _ORDER_BYTES, _FDS_AT_MOST)
    except OSError:
        return None
    return (protocol.decode(data[4:]), fds) if data else None


def close(fds: Sequence[int]) -> None:
    """Close descriptors that were handed on."""
    for fd in fds:
        os.close(fd)
