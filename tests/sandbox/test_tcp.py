"""What the kernel counts of a connection: sent, received, and whether it stands."""

import socket
from collections.abc import Iterator

import pytest

from racecourse.sandbox import tcp

pytestmark = pytest.mark.skipif(
    not tcp.IS_COUNTED, reason="Linux counts, others do not"
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
        with one, other:
            yield one, other


def test_what_one_end_sent_the_other_received(ends: tuple[socket.socket, ...]):
    one, other = ends
    one.sendall(b"x" * 5000)
    assert other.recv(5000, socket.MSG_WAITALL) == b"x" * 5000
    sender, receiver = tcp.look(one), tcp.look(other)
    assert sender is not None
    assert receiver is not None
    assert (sender.sent, sender.received) == (5000, 0)
    assert (receiver.sent, receiver.received) == (0, 5000)
    assert sender.established
    assert receiver.established


def test_an_end_knows_when_the_other_has_closed(ends: tuple[socket.socket, ...]):
    one, other = ends
    one.close()
    assert other.recv(1) == b""
    link = tcp.look(other)
    assert link is not None
    assert not link.established


def test_the_ports_of_both_ends_are_each_others(ends: tuple[socket.socket, ...]):
    one, other = ends
    pair = tcp.ports(one)
    assert pair is not None
    assert tcp.ports(other) == pair[::-1]


def test_a_closed_socket_tells_nothing(ends: tuple[socket.socket, ...]):
    one, _ = ends
    one.close()
    assert tcp.look(one) is None
    assert tcp.ports(one) is None
