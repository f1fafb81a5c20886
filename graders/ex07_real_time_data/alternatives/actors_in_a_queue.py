"""A7.1: streams are actors; those with something to do stand in a queue.SimpleQueue of actors."""

import queue
import threading
import time
from collections import deque
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


class Actor:
    def __init__(self, name):
        self.name = name
        self.mailbox = deque()
        self.scheduled = False  # it stands in the queue, or a worker has it
        self.stats = StreamStats(0, 0.0, None, None)

    def learn(self, value):
        s = self.stats
        self.stats = StreamStats(
            s.count + 1,
            s.total + value,
            value if s.minimum is None or value < s.minimum else s.minimum,
            value if s.maximum is None or value > s.maximum else s.maximum,
        )


class StreamProcessor:
    def __init__(
        self, handler, *, workers=4, capacity=1000, overflow="block", on_error=None
    ):
        if workers <= 0 or capacity <= 0:
            raise ValueError("workers and capacity must be > 0")
        if overflow not in ("block", "reject", "drop_oldest"):
            raise ValueError("bad overflow")
        self._handler = handler
        self._on_error = on_error
        self._capacity = capacity
        self._overflow = overflow
        self._n_workers = workers
        self._run_queue = queue.SimpleQueue()
        self._mutex = threading.Lock()
        self._not_full = threading.Condition(self._mutex)
        self._quiet = threading.Condition(self._mutex)
        self._actors = {}
        self._clock = 0
        self._received = self._failed = self._dropped = 0
        self._queued = self._in_flight = self._scheduled = 0
        self._dead = []
        self._threads = []
        self._accepting = False
        self._dismissed = False

    def start(self):
        self._threads = [
            threading.Thread(target=self._worker, name=f"stream-worker-{i}")
            for i in range(self._n_workers)
        ]
        self._accepting = True
        for thread in self._threads:
            thread.start()

    def publish(self, event, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._mutex:
            if not self._accepting:
                raise RuntimeError("publish() outside start() and stop()")
            while self._queued >= self._capacity:
                if self._overflow == "reject":
                    return False
                if self._overflow == "drop_oldest":
                    self._drop_oldest()
                    continue
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._not_full.wait(left)
                if not self._accepting:
                    return False
            actor = self._actors.setdefault(event.stream, Actor(event.stream))
            self._clock += 1
            actor.mailbox.append((self._clock, event))
            self._received += 1
            self._queued += 1
            if not actor.scheduled:
                actor.scheduled = True
                self._scheduled += 1
                self._run_queue.put(actor)
            return True

    def _drop_oldest(self):
        boxes = [a.mailbox for a in self._actors.values() if a.mailbox]
        min(boxes, key=lambda box: box[0][0]).popleft()
        self._queued -= 1
        self._dropped += 1

    def _drop_everything(self):
        for actor in self._actors.values():
            actor.mailbox.clear()
        self._dropped += self._queued
        self._queued = 0

    def _worker(self):
        while (actor := self._run_queue.get()) is not None:
            with self._mutex:
                event = None
                if actor.mailbox:
                    _, event = actor.mailbox.popleft()
                    self._queued -= 1
                    self._in_flight += 1
                    self._not_full.notify()
            if event is not None:
                self._process(actor, event)
            with self._mutex:
                if actor.mailbox:
                    self._run_queue.put(actor)
                    continue
                actor.scheduled = False
                self._scheduled -= 1
                if self._scheduled == 0:
                    self._quiet.notify_all()

    def _process(self, actor, event):
        try:
            self._handler(event)
        except BaseException as exc:
            with self._mutex:
                self._failed += 1
                self._in_flight -= 1
                self._dead.append((event, exc))
            if self._on_error is not None:
                try:
                    self._on_error(event, exc)
                except BaseException:
                    pass
        else:
            with self._mutex:
                self._in_flight -= 1
                actor.learn(event.value)

    def stats(self):
        with self._mutex:
            streams = {n: a.stats for n, a in self._actors.items() if a.stats.count}
            return Stats(
                received=self._received,
                handled=sum(s.count for s in streams.values()),
                failed=self._failed,
                dropped=self._dropped,
                queued=self._queued,
                in_flight=self._in_flight,
                streams=streams,
            )

    def dead_letters(self):
        with self._mutex:
            return list(self._dead)

    def stop(self, *, drain=True, timeout=None):
        with self._mutex:
            self._accepting = False
            if not drain:
                self._drop_everything()
            self._not_full.notify_all()
            if threading.current_thread() in self._threads:
                return False
            if not self._quiet.wait_for(lambda: self._scheduled == 0, timeout):
                self._drop_everything()
                return False
            if not self._dismissed:
                self._dismissed = True
                for _ in self._threads:
                    self._run_queue.put(None)
        for thread in self._threads:
            thread.join()
        return True

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc, tb):
        self.stop(drain=exc_type is None)
