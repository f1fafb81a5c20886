"""A7.2: one condition for everything, a deque for each stream, and the set of busy streams."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace


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


POLICIES = ("block", "reject", "drop_oldest")


class StreamProcessor:
    def __init__(
        self, handler, *, workers=4, capacity=1000, overflow="block", on_error=None
    ):
        if workers < 1:
            raise ValueError("workers must be at least 1")
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        if overflow not in POLICIES:
            raise ValueError(f"overflow must be one of {POLICIES}")
        self.handler = handler
        self.on_error = on_error
        self.capacity = capacity
        self.overflow = overflow
        self.cond = threading.Condition()
        self.queues: dict[str, deque] = {}
        self.busy: set[str] = set()
        self.numbers = Stats(0, 0, 0, 0, 0, 0, {})
        self.streams: dict[str, StreamStats] = {}
        self.letters: list = []
        self.serial = 0
        self.started = False
        self.stopped = False
        self.inside: set[int] = set()  # idents of threads that are in a handler
        self.workers = [threading.Thread(target=self._run) for _ in range(workers)]

    def start(self):
        with self.cond:
            self.started = True
        for worker in self.workers:
            worker.start()

    def _count(self, **changes):
        now = {name: getattr(self.numbers, name) + n for name, n in changes.items()}
        self.numbers = replace(self.numbers, **now)

    def publish(self, event, timeout=None):
        with self.cond:
            if not self.started or self.stopped:
                raise RuntimeError("not running")
            if self.numbers.queued >= self.capacity:
                if self.overflow == "reject":
                    return False
                if self.overflow == "drop_oldest":
                    self._drop_oldest()
                else:
                    roomy = lambda: self.stopped or self.numbers.queued < self.capacity
                    if not self.cond.wait_for(roomy, timeout):
                        return False
                    if self.stopped:
                        raise RuntimeError("stopped while waiting for room")
            self.serial += 1
            self.queues.setdefault(event.stream, deque()).append((self.serial, event))
            self._count(received=1, queued=1)
            self.cond.notify_all()
            return True

    def _drop_oldest(self):
        waiting = (q for q in self.queues.values() if q)
        min(waiting, key=lambda q: q[0][0]).popleft()
        self._count(queued=-1, dropped=1)

    def _next_stream(self):
        """The stream whose first event has waited longest, of those that are not busy."""
        free = [s for s, q in self.queues.items() if q and s not in self.busy]
        return min(free, key=lambda s: self.queues[s][0][0], default=None)

    def _run(self):
        while True:
            with self.cond:
                stream = self._next_stream()
                while stream is None:
                    if self.stopped:
                        return
                    self.cond.wait()
                    stream = self._next_stream()
                _, event = self.queues[stream].popleft()
                self.busy.add(stream)
                self.inside.add(threading.get_ident())
                self._count(queued=-1, in_flight=1)
                self.cond.notify_all()
            self._handle(event)
            with self.cond:
                self.busy.remove(stream)
                self.inside.remove(threading.get_ident())
                self.cond.notify_all()

    def _handle(self, event):
        try:
            self.handler(event)
        except BaseException as error:
            with self.cond:
                self._count(in_flight=-1, failed=1)
                self.letters.append((event, error))
            try:
                if self.on_error:
                    self.on_error(event, error)
            except BaseException:
                pass
        else:
            with self.cond:
                old = self.streams.get(event.stream)
                value = event.value
                self.streams[event.stream] = (
                    StreamStats(
                        old.count + 1,
                        old.total + value,
                        min(old.minimum, value),
                        max(old.maximum, value),
                    )
                    if old
                    else StreamStats(1, value, value, value)
                )
                self._count(in_flight=-1, handled=1)

    def stats(self):
        with self.cond:
            return replace(self.numbers, streams=dict(self.streams))

    def dead_letters(self):
        with self.cond:
            return list(self.letters)

    def stop(self, *, drain=True, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        with self.cond:
            self.stopped = True
            if not drain:
                self._drop_all()
            self.cond.notify_all()
            if threading.get_ident() in self.inside:
                return False
        if not self.started:
            return True
        for worker in self.workers:
            worker.join(None if end is None else max(0, end - time.monotonic()))
        if any(worker.is_alive() for worker in self.workers):
            with self.cond:
                self._drop_all()
            return False
        return True

    def _drop_all(self):
        for q in self.queues.values():
            self._count(queued=-len(q), dropped=len(q))
            q.clear()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc, tb):
        self.stop(drain=exc_type is None)
