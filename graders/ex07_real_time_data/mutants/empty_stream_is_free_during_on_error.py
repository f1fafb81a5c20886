"""A stream in which nothing waits is free again before on_error has returned: an event that
comes meanwhile does not wait for it.

Caught by: C4
"""

import contextlib
import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

Overflow = Literal["block", "reject", "drop_oldest"]


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


class _Lane:
    """One stream: what waits in it, and what is known of it so far."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, Event]] = deque()  # each with its ticket
        self.is_busy = False  # an event of it is being handled
        self.stats = StreamStats(count=0, total=0.0, minimum=None, maximum=None)


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
        overflow: Overflow = "block",
        on_error: Callable[[Event, Exception], None] | None = None,
    ) -> None:
        if workers < 1 or capacity < 1:
            raise ValueError(
                "workers and capacity must be at least 1, not"
                f" workers={workers}, capacity={capacity}"
            )
        if overflow not in get_args(Overflow):
            raise ValueError(f"overflow: {overflow!r} is none of {get_args(Overflow)}")
        self._handler = handler
        self._on_error = on_error
        self._workers = workers
        self._capacity = capacity
        self._overflow = overflow
        self._tickets = itertools.count()

        self._lock = threading.Lock()  # for all that follows
        self._something_to_do = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._state: Literal["new", "open", "closed"] = "new"
        self._threads: list[threading.Thread] = []
        self._lanes: dict[str, _Lane] = {}
        self._ready: OrderedDict[str, _Lane] = OrderedDict()
        self._queued: OrderedDict[int, str] = OrderedDict()  # streams, oldest first
        self._received = self._failed = self._dropped = self._in_flight = 0
        self._dead_letters: list[tuple[Event, Exception]] = []

    def start(self) -> None:
        """Begin to take and to handle events.

        Raises:
            RuntimeError: If it was started before, or stopped.
        """
        with self._lock:
            if self._state != "new":
                raise RuntimeError("a processor can be started only once")
            self._state = "open"
            # Daemons: a processor that was forgotten must not keep the program alive.
            self._threads = [
                threading.Thread(target=self._work, name=f"worker-{n}", daemon=True)
                for n in range(self._workers)
            ]
            for thread in self._threads:
                thread.start()

    def publish(self, event: Event, timeout: float | None = None) -> bool:
        """Hand over an event; return whether it was accepted. For any thread.

        Args:
            event: The event.
            timeout: The longest wait for room, in seconds; None for any time.

        Raises:
            RuntimeError: If the processor is not started yet, or stopped.
        """
        with self._lock:
            if self._state != "open":
                raise RuntimeError(
                    f"the processor takes no events: it is {self._state}"
                )
            if self._is_full() and not self._make_room(timeout):
                return False
            self._add(event)
            return True

    def stats(self) -> Stats:
        """Return one consistent picture of this moment."""
        with self._lock:
            streams = {name: lane.stats for name, lane in self._lanes.items()}
            return Stats(
                received=self._received,
                handled=sum(stream.count for stream in streams.values()),
                failed=self._failed,
                dropped=self._dropped,
                queued=len(self._queued),
                in_flight=self._in_flight,
                streams=streams,
            )

    def dead_letters(self) -> list[tuple[Event, Exception]]:
        """Return the events that failed so far, each with what its handler raised."""
        with self._lock:
            return [*self._dead_letters]

    def stop(self, *, drain: bool = True, timeout: float | None = None) -> bool:
        """Take no more events, and come to an end; return whether all is finished.

        May be called again, from several threads, and from inside a handler, where it
        does not wait and returns False.

        Args:
            drain: Whether to handle what is queued, instead of dropping it.
            timeout: Seconds after which to return False, drop what is still queued,
                and leave running handlers alone; None to wait for any time.
        """
        with self._lock:
            self._state = "closed"
            if not drain:
                self._drop_all()
            self._something_to_do.notify_all()
            self._room.notify_all()
        if threading.current_thread() in self._threads:
            return False
        if _join_all(self._threads, timeout):
            return True
        with self._lock:
            self._drop_all()
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        self.stop(drain=error_type is None)

    # With the lock held.

    def _is_full(self) -> bool:
        return len(self._queued) >= self._capacity

    def _make_room(self, timeout: float | None) -> bool:
        """Do what was agreed for a full queue; return whether there is room now."""
        if self._overflow == "reject":
            return False
        if self._overflow == "drop_oldest":
            self._drop_oldest()
            return True
        self._room.wait_for(
            lambda: self._state == "closed" or not self._is_full(), timeout
        )
        return self._state == "open" and not self._is_full()

    def _add(self, event: Event) -> None:
        lane = self._lanes.get(event.stream)
        if lane is None:
            lane = self._lanes[event.stream] = _Lane()
        ticket = next(self._tickets)
        lane.waiting.append((ticket, event))
        self._queued[ticket] = event.stream
        self._received += 1
        self._call_if_ready(event.stream)

    def _call_if_ready(self, stream: str) -> None:
        """Let a worker come, if somebody waits in this lane and nobody is busy there."""
        lane = self._lanes[stream]
        if lane.waiting and not lane.is_busy:
            self._ready[stream] = lane
            self._something_to_do.notify()

    def _drop_oldest(self) -> None:
        # The oldest of all events is the first one of its own lane.
        _, stream = self._queued.popitem(last=False)
        lane = self._lanes[stream]
        lane.waiting.popleft()
        if not lane.waiting:
            self._ready.pop(stream, None)
        self._dropped += 1

    def _drop_all(self) -> None:
        while self._queued:
            self._drop_oldest()

    def _take(self) -> Event | None:
        """Wait for an event that can be handled now; None says that all is over."""
        self._something_to_do.wait_for(lambda: self._ready or self._state == "closed")
        # Who is busy when it closes goes on with its own lane: it needs no help.
        if not self._ready:
            return None
        _, lane = self._ready.popitem(last=False)
        ticket, event = lane.waiting.popleft()
        del self._queued[ticket]
        lane.is_busy = True
        self._in_flight += 1
        self._room.notify()
        return event

    # In a worker's own thread.

    def _work(self) -> None:
        """Handle events until all is over."""
        while True:
            with self._lock:
                event = self._take()
            if event is None:
                return
            is_free = self._handle(event)
            with self._lock:
                if not is_free:
                    self._lanes[event.stream].is_busy = False
                    self._call_if_ready(event.stream)

    def _handle(self, event: Event) -> bool:
        """Call the handler, count the event; return whether its stream is free already."""
        is_free = False
        # Every exception: SystemExit ends a program, and no program is meant here.
        try:
            self._handler(event)
        except BaseException as error:
            failure = cast("Exception", error)
            with self._lock:
                self._in_flight -= 1
                self._failed += 1
                self._dead_letters.append((event, failure))
                lane = self._lanes[event.stream]
                is_free = not lane.waiting
                lane.is_busy = not is_free
            if self._on_error is not None:
                with contextlib.suppress(BaseException):
                    self._on_error(event, failure)
        else:
            with self._lock:
                self._in_flight -= 1
                lane = self._lanes[event.stream]
                lane.stats = _with_value(lane.stats, event.value)
        return is_free


def _with_value(stats: StreamStats, value: float) -> StreamStats:
    """Return what is known of a stream after one more value."""
    lowest = value if stats.minimum is None else min(stats.minimum, value)
    highest = value if stats.maximum is None else max(stats.maximum, value)
    return StreamStats(
        count=stats.count + 1,
        total=stats.total + value,
        minimum=lowest,
        maximum=highest,
    )


def _join_all(threads: Iterable[threading.Thread], timeout: float | None) -> bool:
    """Wait for the end of all threads, with one deadline; return whether it came."""
    deadline = None if timeout is None else time.monotonic() + timeout
    for thread in threads:
        left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
        thread.join(left_s)
        if thread.is_alive():
            return False
    return True
