"""A7.6: a thread for each stream, a semaphore for the workers, and waits that look up now and then."""

import itertools
import threading
import time
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


LOOK_UP_S = 0.1


class _StreamThread(threading.Thread):
    def __init__(self, processor, name):
        super().__init__(name=f"stream {name}", daemon=True)
        self.processor = processor
        self.queue = []
        self.count, self.total = 0, 0.0
        self.minimum = self.maximum = None

    def run(self):
        p = self.processor
        while True:
            with p.lock:
                while not self.queue and not p.closing:
                    p.news.wait(LOOK_UP_S)
                if not self.queue:
                    return
            with p.slots:
                with p.lock:
                    if not self.queue:  # dropped meanwhile
                        continue
                    _, event = self.queue.pop(0)
                    p.in_flight += 1
                    p.news.notify_all()
                p.handle(event, self)

    def add(self, value):
        self.count += 1
        self.total += value
        self.minimum = value if self.count == 1 else min(self.minimum, value)
        self.maximum = value if self.count == 1 else max(self.maximum, value)


class StreamProcessor:
    def __init__(
        self, handler, *, workers=4, capacity=1000, overflow="block", on_error=None
    ):
        if workers < 1:
            raise ValueError(f"workers={workers}")
        if capacity < 1:
            raise ValueError(f"capacity={capacity}")
        if overflow not in ["block", "reject", "drop_oldest"]:
            raise ValueError(f"overflow={overflow!r}")
        self.handler, self.on_error = handler, on_error
        self.capacity, self.overflow = capacity, overflow
        self.slots = threading.Semaphore(workers)
        self.lock = threading.Lock()
        self.news = threading.Condition(self.lock)
        self.streams: dict[str, _StreamThread] = {}
        self.tickets = itertools.count()
        self.received = self.failed = self.dropped = self.in_flight = 0
        self.letters = []
        self.running = self.closing = False

    def start(self):
        self.running = True

    def queued(self):
        return sum(len(s.queue) for s in self.streams.values())

    def publish(self, event, timeout=None):
        give_up = None if timeout is None else time.monotonic() + timeout
        with self.lock:
            self.check_open()
            while self.queued() >= self.capacity:
                if self.overflow == "reject":
                    return False
                if self.overflow == "drop_oldest":
                    self.drop_oldest()
                    break
                left = LOOK_UP_S
                if give_up is not None:
                    left = min(left, give_up - time.monotonic())
                if left <= 0:
                    return False
                self.news.wait(left)
                self.check_open()
            stream = self.streams.get(event.stream)
            if stream is None:
                stream = self.streams[event.stream] = _StreamThread(self, event.stream)
                stream.start()
            stream.queue.append((next(self.tickets), event))
            self.received += 1
            self.news.notify_all()
            return True

    def check_open(self):
        if not self.running or self.closing:
            raise RuntimeError("not open")

    def drop_oldest(self):
        candidates = [s for s in self.streams.values() if s.queue]
        min(candidates, key=lambda s: s.queue[0][0]).queue.pop(0)
        self.dropped += 1

    def handle(self, event, stream):
        try:
            self.handler(event)
            error = None
        except BaseException as e:
            error = e
        with self.lock:
            self.in_flight -= 1
            if error is None:
                stream.add(event.value)
            else:
                self.failed += 1
                self.letters.append((event, error))
        if error is not None and self.on_error:
            try:
                self.on_error(event, error)
            except BaseException as e:
                print("on_error failed:", e)

    def stats(self):
        with self.lock:
            return Stats(
                received=self.received,
                handled=sum(s.count for s in self.streams.values()),
                failed=self.failed,
                dropped=self.dropped,
                queued=self.queued(),
                in_flight=self.in_flight,
                streams={
                    name: StreamStats(s.count, s.total, s.minimum, s.maximum)
                    for name, s in self.streams.items()
                },
            )

    def dead_letters(self):
        with self.lock:
            return self.letters[:]

    def stop(self, *, drain=True, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        with self.lock:
            self.closing = True
            if not drain:
                self.drop_all()
            self.news.notify_all()
            threads = list(self.streams.values())
        if threading.current_thread() in threads:
            return False
        for thread in threads:
            thread.join(None if end is None else max(0, end - time.monotonic()))
        if not any(thread.is_alive() for thread in threads):
            return True
        with self.lock:
            self.drop_all()
        return False

    def drop_all(self):
        for stream in self.streams.values():
            self.dropped += len(stream.queue)
            stream.queue.clear()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc, traceback):
        self.stop(drain=exc_type is None)
