"""stop() waits until nothing is left to do; the event loop runs on in its thread.

Caught by: X4
"""

import asyncio
import concurrent.futures
import contextlib
import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    stream: str
    seq: int
    value: float


@dataclass(frozen=True)
class StreamStats:
    count: int
    total: float
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class Stats:
    received: int
    handled: int
    failed: int
    dropped: int
    queued: int
    in_flight: int
    streams: Mapping[str, StreamStats]


class StreamProcessor:
    def __init__(
        self, handler, *, workers=4, capacity=1000, overflow="block", on_error=None
    ):
        if workers < 1 or capacity < 1:
            raise ValueError("workers and capacity must be positive")
        if overflow not in {"block", "reject", "drop_oldest"}:
            raise ValueError(f"unknown overflow policy {overflow!r}")
        self._handler = handler
        self._on_error = on_error
        self._workers = workers
        self._capacity = capacity
        self._overflow = overflow

        # What publishers and the loop share.
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._order = OrderedDict()  # number -> stream, of all queued events
        self._queues = {}  # stream -> deque of (number, event)
        self._numbers = itertools.count()
        self._received = self._handled = self._failed = self._dropped = 0
        self._in_flight = 0
        self._streams = {}
        self._letters = []
        self._closed = False

        # What belongs to the loop alone.
        self._loop = None
        self._tasks = {}
        self._thread = None
        self._finished = threading.Event()
        self._inside = threading.local()

    def start(self):
        running = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main(running)), name="event loop", daemon=True
        )
        self._thread.start()
        running.wait()

    async def _main(self, running):
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(self._workers)
        self._over = asyncio.Event()
        with concurrent.futures.ThreadPoolExecutor(self._workers) as self._pool:
            running.set()
            await self._over.wait()

    # On the loop.

    def _look_at(self, stream):
        if stream not in self._tasks:
            self._tasks[stream] = asyncio.create_task(self._serve(stream))

    async def _serve(self, stream):
        """Handle the events of a stream until it has none."""
        while True:
            async with self._slots:
                event = self._take(stream)
                if event is None:
                    break
                await self._loop.run_in_executor(self._pool, self._handle, event)
        del self._tasks[stream]
        self._end_if_over()

    def _end_if_over(self):
        with self._lock:
            if self._closed and not self._order and not self._tasks:
                self._finished.set()

    def _take(self, stream):
        with self._lock:
            queue = self._queues[stream]
            if not queue:
                return None
            number, event = queue.popleft()
            del self._order[number]
            self._in_flight += 1
            self._room.notify()
            return event

    # In the executor.

    def _handle(self, event):
        self._inside.handler = True
        error = None
        try:
            self._handler(event)
        except BaseException as raised:  # it must not reach the loop
            error = raised
        with self._lock:
            self._in_flight -= 1
            if error is None:
                self._handled += 1
                self._streams[event.stream] = self._grown(event)
            else:
                self._failed += 1
                self._letters.append((event, error))
        if error is not None and self._on_error is not None:
            with contextlib.suppress(BaseException):
                self._on_error(event, error)

    def _grown(self, event):
        old, new = self._streams.get(event.stream), event.value
        if old is None:
            return StreamStats(1, new, new, new)
        low, high = min(old.minimum, new), max(old.maximum, new)
        return StreamStats(old.count + 1, old.total + new, low, high)

    # Anywhere.

    def publish(self, event, timeout=None):
        with self._lock:
            if self._loop is None or self._closed:
                raise RuntimeError("the processor is not running")
            if len(self._order) >= self._capacity:
                if self._overflow == "reject":
                    return False
                if self._overflow == "drop_oldest":
                    self._drop()
                elif not self._room.wait_for(self._has_room_or_ends, timeout):
                    return False
            if self._closed:
                return False
            number = next(self._numbers)
            self._order[number] = event.stream
            self._queues.setdefault(event.stream, deque()).append((number, event))
            self._received += 1
            self._loop.call_soon_threadsafe(self._look_at, event.stream)
        return True

    def _has_room_or_ends(self):
        return self._closed or len(self._order) < self._capacity

    def _drop(self):
        _, stream = self._order.popitem(last=False)
        self._queues[stream].popleft()
        self._dropped += 1

    def stats(self):
        with self._lock:
            return Stats(
                self._received,
                self._handled,
                self._failed,
                self._dropped,
                len(self._order),
                self._in_flight,
                dict(self._streams),
            )

    def dead_letters(self):
        with self._lock:
            return self._letters.copy()

    def stop(self, *, drain=True, timeout=None):
        self._close(drop=not drain)
        if self._thread is None:
            return True
        if getattr(self._inside, "handler", False):
            return False
        if not self._finished.wait(timeout):
            self._close(drop=True)
            return False
        return True

    def _close(self, *, drop):
        with self._lock:
            self._closed = True
            while drop and self._order:
                self._drop()
            self._room.notify_all()
        with contextlib.suppress(RuntimeError, AttributeError):  # ended, never started
            self._loop.call_soon_threadsafe(self._end_if_over)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc, tb):
        self.stop(drain=exc_type is None)
