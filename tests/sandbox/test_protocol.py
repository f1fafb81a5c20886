"""Frames from strangers: only typed refusals, in bounded time and memory."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racecourse.sandbox import protocol

_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@given(value=_plain)
def test_what_is_encoded_can_be_decoded(value: Any):
    message = {"value": value}
    assert protocol.decode(protocol.encode(message)[4:]) == message


@given(
    body=st.binary(max_size=300)
    | st.text(max_size=100).map(lambda t: t.encode("utf-8", "replace"))
)
def test_any_bytes_are_a_message_or_refused(body: bytes):
    with contextlib.suppress(protocol.ProtocolError):
        assert isinstance(protocol.decode(body), dict)


@settings(deadline=2000)
@given(data=st.binary(max_size=300))
def test_any_stream_ends_in_a_message_or_a_typed_exception(data: bytes):
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(data)
        with contextlib.suppress(protocol.ProtocolError, protocol.ChannelClosed):
            protocol.receive(ours, within_s=1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "not an object"),
        (b"", "not JSON"),
        (b'{"a":1,"a":2}', "a key occurs twice"),
        (b'{"a":NaN}', "NaN is not a number we accept"),
        (b'{"a":-Infinity}', "-Infinity is not a number we accept"),
        (b'{"a":1e999}', "too large for a float"),
        (b'{"a":%s}' % (b"9" * 5000), "beyond 64 bits"),
        (b'{"a":9223372036854775809}', "beyond 64 bits"),
        (b'{"a":"\\ud800"}', "not Unicode"),
        (b'{"\\udfff":1}', "not Unicode"),
        (b'{"a":"\xff"}', "not JSON"),
        ('{"a":1}'.encode("utf-16"), "not JSON"),
        (b'{"a":' + b"[" * 33 + b"]" * 33 + b"}", "nested deeper"),
        (b'{"a":' + b"[" * 200_000, "not JSON"),
        (b" " * ((1 << 20) + 1), "at most"),
    ],
)
def test_what_is_not_plain_json_is_refused(body: bytes, says: str):
    with pytest.raises(protocol.ProtocolError, match=says):
        protocol.decode(body)


@pytest.mark.parametrize(
    "value", [float("nan"), object(), {1: 2}, 1 << 70, "\ud800", "x" * (1 << 20), {1}]
)
def test_what_could_not_be_read_is_not_sent(value: object):
    with pytest.raises(protocol.ProtocolError):
        protocol.encode({"value": value})


def test_a_length_beyond_the_limit_is_refused_before_its_bytes_come(
    ends: tuple[socket.socket, socket.socket],
):
    ends[1].sendall(struct.pack(">I", 1 << 31))
    with pytest.raises(protocol.ProtocolError, match="at most"):
        protocol.receive(ends[0], within_s=5)


def test_a_frame_that_drips_has_one_deadline(ends: tuple[socket.socket, socket.socket]):
    frame = protocol.encode({"value": "x" * 1000})
    stop = threading.Event()

    def drip() -> None:
        for byte in frame:
            ends[1].sendall(bytes([byte]))
            if stop.wait(0.02):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    begun = monotonic()
    with pytest.raises(protocol.DeadlinePassed):
        protocol.receive(ends[0], within_s=0.2)
    assert monotonic() - begun < 5
    stop.set()
    dripping.join()


def test_a_receiver_that_takes_nothing_has_a_deadline(
    ends: tuple[socket.socket, socket.socket],
):
    with pytest.raises(protocol.DeadlinePassed):
        protocol.send(ends[0], {"value": "x" * 1_000_000}, within_s=0.1)


def test_the_other_ends_end_is_told_apart(ends: tuple[socket.socket, socket.socket]):
    ends[1].sendall(json.dumps({}).encode()[:1])
    ends[1].close()
    with pytest.raises(protocol.ChannelClosed):
        protocol.receive(ends[0], within_s=5)
    with pytest.raises(protocol.ChannelClosed):
        protocol.send(ends[0], {}, within_s=5)
