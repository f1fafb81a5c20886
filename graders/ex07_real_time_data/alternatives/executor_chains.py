"""A7.4: a ThreadPoolExecutor, and for each stream a chain: an event that ends submits the next."""

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
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


class _Stream:
    def __init__(self):
        self.waiting = deque()
        self.running = False
        self.values = []

    def stats(self):
        values = self.values
        return StreamStats(
            len(values),
            sum(values),
            min(values, default=None),
            max(values, default=None),
        )


class StreamProcessor:
    def __init__(
        self, handler, *, workers=4, capacity=1000, overflow="block", on_error=None
    ):
        if workers < 1 or capacity < 1:
            raise ValueError("workers and capacity must be at least 1")
        if overflow not in ("block", "reject", "drop_oldest"):
            raise ValueError("overflow must be block, reject or drop_oldest")
        self._handler, self._on_error = handler, on_error
        self._workers, self._capacity, self._overflow = workers, capacity, overflow
        self._executor = None
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._streams = {}
        self._sequence = 0
        self._received = self._failed = self._dropped = self._in_flight = 0
        self._running = 0  # chains
        self._letters = []
        self._open = False
        self._local = threading.local()

    def start(self):
        with self._lock:
            self._executor = ThreadPoolExecutor(self._workers)
            self._open = True

    @property
    def _queued(self):
        return sum(len(stream.waiting) for stream in self._streams.values())

    def publish(self, event, timeout=None):
        with self._lock:
            if not self._open:
                raise RuntimeError("publish needs a running processor")
            if self._queued >= self._capacity:
                if self._overflow == "reject":
                    return False
                if self._overflow == "drop_oldest":
                    self._drop_one()
                elif not self._changed.wait_for(
                    lambda: not self._open or self._queued < self._capacity, timeout
                ):
                    return False
                if not self._open:
                    return False
            stream = self._streams.setdefault(event.stream, _Stream())
            self._sequence += 1
            stream.waiting.append((self._sequence, event))
            self._received += 1
            if not stream.running:
                stream.running = True
                self._running += 1
                self._executor.submit(self._step, stream)
        return True

    def _drop_one(self):
        oldest = min(
            (s for s in self._streams.values() if s.waiting),
            key=lambda s: s.waiting[0][0],
        )
        oldest.waiting.popleft()
        self._dropped += 1

    def _drop_all(self):
        for stream in self._streams.values():
            self._dropped += len(stream.waiting)
            stream.waiting.clear()

    def _step(self, stream):
        with self._lock:
            if not stream.waiting:
                self._end_chain(stream)
                return
            _, event = stream.waiting.popleft()
            self._in_flight += 1
            self._changed.notify_all()
        self._local.in_handler = True
        try:
            self._handler(event)
        except BaseException as error:
            with self._lock:
                self._in_flight -= 1
                self._failed += 1
                self._letters.append((event, error))
            self._report(event, error)
        else:
            with self._lock:
                self._in_flight -= 1
                stream.values.append(event.value)
        finally:
            self._local.in_handler = False
        with self._lock:
            if stream.waiting:
                self._executor.submit(self._step, stream)
            else:
                self._end_chain(stream)

    def _end_chain(self, stream):
        stream.running = False
        self._running -= 1
        self._changed.notify_all()

    def _report(self, event, error):
        if self._on_error is None:
            return
        try:
            self._on_error(event, error)
        except BaseException:
            pass

    def stats(self):
        with self._lock:
            streams = {name: stream.stats() for name, stream in self._streams.items()}
            handled = sum(len(stream.values) for stream in self._streams.values())
            return Stats(
                received=self._received,
                handled=handled,
                failed=self._failed,
                dropped=self._dropped,
                queued=self._queued,
                in_flight=self._in_flight,
                streams=streams,
            )

    def dead_letters(self):
        with self._lock:
            return list(self._letters)

    def stop(self, *, drain=True, timeout=None):
        with self._lock:
            self._open = False
            if not drain:
                self._drop_all()
            self._changed.notify_all()
            if self._executor is None:
                return True
            if getattr(self._local, "in_handler", False):
                return False
            # The executor must stay open until the last chain has ended.
            if not self._changed.wait_for(lambda: self._running == 0, timeout):
                self._drop_all()
                return False
        self._executor.shutdown()
        return True

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, *rest):
        self.stop(drain=exc_type is None)
