"""Frames: four bytes of length, then that many bytes of UTF-8 JSON.

Theory of operation. The worker's end of a channel belongs to the submission: whatever
arrives from there is a claim by a stranger. So a reader bounds everything before it
believes anything: the length of a frame, the depth of the value, the size of numbers,
duplicate keys, and one wall deadline for a whole frame however slowly it drips.
Encoding obeys the same bounds, so that what one end sends the other can read.

The module knows sockets and JSON and nothing of workers or checks.
"""

import json
import select
import socket
import struct
from collections.abc import Mapping
from time import monotonic  # bound now: a check may move the clocks of `time` later
from typing import Any, NoReturn

MAX_FRAME_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_INT = 1 << 63
_HEADER = struct.Struct(">I")


class ProtocolError(Exception):
    """The other end broke the protocol; the text says how."""


class ChannelClosed(Exception):  # noqa: N818 - an event, not a mistake
    """The other end is gone, between frames or inside one."""


class DeadlinePassed(Exception):  # noqa: N818 - an event, not a mistake
    """The frame was not complete in time."""


def encode(message: Mapping[str, Any]) -> bytes:
    """Return the frame for a message.

    Raises:
        ProtocolError: If the message is too large, too deep, or not plain JSON.
    """
    _measure(message, MAX_DEPTH)
    try:
        body = json.dumps(
            message, ensure_ascii=True, allow_nan=False, separators=(",", ":")
        ).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"cannot be sent as plain JSON: {error}") from None
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"a frame of {len(body)} bytes; {MAX_FRAME_BYTES} at most")
    return _HEADER.pack(len(body)) + body


def decode(body: bytes) -> dict[str, Any]:
    """Return the message in the body of a frame.

    Raises:
        ProtocolError: If the bytes are not a plain JSON object within the bounds.
    """
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"a frame of {len(body)} bytes; {MAX_FRAME_BYTES} at most")
    try:
        message = json.loads(
            body.decode("utf-8"),  # bytes would be taken for UTF-16 where they look so
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=_bounded_int,
            parse_float=_finite_float,
        )
    except ProtocolError:
        raise
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise ProtocolError("a frame that is not an object")
    _measure(message, MAX_DEPTH)
    return message


def send(
    channel: socket.socket, message: Mapping[str, Any], *, within_s: float
) -> None:
    """Send one whole frame.

    Raises:
        ProtocolError: If the message cannot be encoded.
        ChannelClosed: If the other end is gone.
        DeadlinePassed: If the other end does not take the frame in time.
    """
    rest = memoryview(encode(message))
    deadline = monotonic() + within_s
    while rest:
        _wait(channel, deadline, for_reading=False)
        try:
            rest = rest[channel.send(rest, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            continue
        except OSError:
            raise ChannelClosed from None


def receive(channel: socket.socket, *, within_s: float) -> dict[str, Any]:
    """Receive one whole frame.

    Raises:
        ProtocolError: If what arrives is not a frame within the bounds.
        ChannelClosed: If the other end is gone.
        DeadlinePassed: If the frame is not complete in time.
    """
    deadline = monotonic() + within_s
    (length,) = _HEADER.unpack(_exactly(channel, _HEADER.size, deadline))
    if length > MAX_FRAME_BYTES:
        raise ProtocolError(f"a frame of {length} bytes; {MAX_FRAME_BYTES} at most")
    return decode(_exactly(channel, length, deadline))


def _exactly(channel: socket.socket, count: int, deadline: float) -> bytes:
    buffer = bytearray()
    while len(buffer) < count:
        _wait(channel, deadline, for_reading=True)
        try:
            part = channel.recv(min(count - len(buffer), 1 << 16), socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue
        except OSError:
            raise ChannelClosed from None
        if not part:
            raise ChannelClosed
        buffer += part
    return bytes(buffer)


def _wait(channel: socket.socket, deadline: float, *, for_reading: bool) -> None:
    """Wait until the channel is ready; poll, because select fails above fd 1023."""
    poller = select.poll()
    poller.register(channel, select.POLLIN if for_reading else select.POLLOUT)
    left_s = deadline - monotonic()
    if left_s <= 0 or not poller.poll(left_s * 1000):
        raise DeadlinePassed


def _measure(value: Any, depth_left: int) -> None:
    """Refuse what is deeper, larger or stranger than plain JSON within the bounds."""
    if depth_left < 0:
        raise ProtocolError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise ProtocolError(f"a key of type {type(key).__name__}")
            _demand_unicode(key)
            _measure(item, depth_left - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _measure(item, depth_left - 1)
    elif type(value) is int and abs(value) > MAX_INT:
        raise ProtocolError("a whole number beyond 64 bits")
    elif isinstance(value, str):
        _demand_unicode(value)


def _demand_unicode(text: str) -> None:
    """Refuse half of a surrogate pair: no file and no terminal could take it later."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ProtocolError("a text that is not Unicode") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ProtocolError("a key occurs twice")
    return table


def _bounded_int(digits: str) -> int:
    # Twenty characters hold any 64-bit number; more would be slow to parse.
    if len(digits) > 20:  # noqa: PLR2004
        raise ProtocolError("a whole number beyond 64 bits")
    return int(digits)


def _finite_float(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise ProtocolError("a number too large for a float")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ProtocolError(f"{name} is not a number we accept")
