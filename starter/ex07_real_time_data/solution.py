"""Exercise 7: streams of events, each in order, all at the same time.

Fill in the bodies. Keep the names and the signatures; add whatever else you need.
The promises your code is graded by are in the README beside this exercise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self


@dataclass(frozen=True)
class Event:
    """One reading of one stream.

    Attributes:
        stream: Which stream it belongs to.
        seq: Its number, for those who read it; the order is that of publishing.
        value: What was read.
    """

    stream: str
    seq: int
    value: float


@dataclass(frozen=True)
class StreamStats:
    """What is known of one stream, from the events that were handled.

    Attributes:
        count: How many there were.
        total: The sum of their values.
        minimum: The lowest value; None if there was none.
        maximum: The highest value; None if there was none.
    """

    count: int
    total: float
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class Stats:
    """What a processor was doing at one moment.

    At every moment received == handled + failed + dropped + queued + in_flight.

    Attributes:
        received: Events that were accepted.
        handled: Those whose handler returned.
        failed: Those whose handler raised.
        dropped: Those that were accepted and will never be handled.
        queued: Those that wait.
        in_flight: Those that are being handled.
        streams: What is known of each stream.
    """

    received: int
    handled: int
    failed: int
    dropped: int
    queued: int
    in_flight: int
    streams: Mapping[str, StreamStats]


class StreamProcessor:
    """Handles the events of many streams: each stream in order, all at the same time.

    Args:
        handler: Called with each event; may block.
        workers: The most events that are handled at once.
        capacity: The most events that may be queued.
        overflow: What `publish` does when the queue is full: wait for room, reject the
            event, or drop the oldest queued one.
        on_error: Called with each event whose handler raised, and with what it raised.

    Raises:
        ValueError: If an argument makes no sense.
    """

    def __init__(
        self,
        handler: Callable[[Event], None],
        *,
        workers: int = 4,
        capacity: int = 1000,
        overflow: Literal["block", "reject", "drop_oldest"] = "block",
        on_error: Callable[[Event, Exception], None] | None = None,
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Begin to take and to handle events."""
        raise NotImplementedError

    def publish(self, event: Event, timeout: float | None = None) -> bool:
        """Hand over an event; return whether it was accepted. For any thread.

        Args:
            event: The event.
            timeout: The longest wait for room, in seconds; None for any time.

        Raises:
            RuntimeError: If the processor is not started yet, or stopped.
        """
        raise NotImplementedError

    def stats(self) -> Stats:
        """Return one consistent picture of this moment."""
        raise NotImplementedError

    def dead_letters(self) -> list[tuple[Event, Exception]]:
        """Return the events that failed so far, each with what its handler raised."""
        raise NotImplementedError

    def stop(self, *, drain: bool = True, timeout: float | None = None) -> bool:
        """Take no more events, and come to an end; return whether all is finished.

        May be called again, from several threads, and from inside a handler, where it
        does not wait and returns False.

        Args:
            drain: Whether to handle what is queued, instead of dropping it.
            timeout: Seconds after which to return False, drop what is still queued,
                and leave running handlers alone; None to wait for any time.
        """
        raise NotImplementedError

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        """Stop and wait; drop what is queued if an exception is under way."""
        raise NotImplementedError
