"""A7.7: one list of all events; a worker takes the first one whose stream nobody is busy with."""

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


class StreamProcessor:
    def __init__(
        self, handler, *, workers=4, capacity=1000, overflow="block", on_error=None
    ):
        if not (workers >= 1 and capacity >= 1):
            raise ValueError("workers and capacity have to be positive")
        if overflow not in ("block", "reject", "drop_oldest"):
            raise ValueError(overflow)
        self.handler = handler
        self.capacity = capacity
        self.overflow = overflow
        self.on_error = on_error
        self.lock = threading.RLock()
        self.may_work = threading.Condition(self.lock)
        self.may_publish = threading.Condition(self.lock)
        self.all_done = threading.Condition(self.lock)
        self.events = []
        self.current = {}  # thread -> event that it is at
        self.counts = {
            "received": 0,
            "handled": 0,
            "failed": 0,
            "dropped": 0,
            "in_flight": 0,
        }
        self.per_stream = {}
        self.failures = []
        self.phase = "new"
        self.alive = workers
        self.threads = [threading.Thread(target=self.loop) for _ in range(workers)]

    def start(self):
        with self.lock:
            if self.phase != "new":
                raise RuntimeError("can be started once")
            self.phase = "running"
        for t in self.threads:
            t.start()

    def publish(self, event, timeout=None):
        with self.lock:
            if self.phase != "running":
                raise RuntimeError(self.phase)
            if len(self.events) >= self.capacity:
                if self.overflow == "reject":
                    return False
                elif self.overflow == "drop_oldest":
                    del self.events[0]
                    self.counts["dropped"] += 1
                else:
                    self.may_publish.wait_for(
                        lambda: (
                            len(self.events) < self.capacity or self.phase != "running"
                        ),
                        timeout=timeout,
                    )
                    if len(self.events) >= self.capacity or self.phase != "running":
                        return False
            self.events.append(event)
            self.counts["received"] += 1
            self.may_work.notify()
            return True

    def pick(self):
        busy = {e.stream for e in self.current.values()}
        for i, event in enumerate(self.events):
            if event.stream not in busy:
                return self.events.pop(i)
        return None

    def loop(self):
        me = threading.current_thread()
        while True:
            with self.lock:
                while (event := self.pick()) is None and self.phase != "stopped":
                    self.may_work.wait()
                if event is None:
                    self.alive -= 1
                    self.all_done.notify_all()
                    return
                self.current[me] = event
                self.counts["in_flight"] += 1
                self.may_publish.notify()
            try:
                self.handler(event)
            except BaseException as error:
                with self.lock:
                    self.counts["in_flight"] -= 1
                    self.counts["failed"] += 1
                    self.failures.append((event, error))
                if self.on_error is not None:
                    try:
                        self.on_error(event, error)
                    except BaseException:
                        pass
            else:
                with self.lock:
                    self.counts["in_flight"] -= 1
                    self.counts["handled"] += 1
                    v = event.value
                    n, total, low, high = self.per_stream.get(
                        event.stream, (0, 0.0, v, v)
                    )
                    self.per_stream[event.stream] = (
                        n + 1,
                        total + v,
                        min(low, v),
                        max(high, v),
                    )
            with self.lock:
                del self.current[me]
                self.may_work.notify()

    def stats(self):
        with self.lock:
            streams = {s: StreamStats(*row) for s, row in self.per_stream.items()}
            return Stats(**self.counts, queued=len(self.events), streams=streams)

    def dead_letters(self):
        with self.lock:
            return list(self.failures)

    def stop(self, *, drain=True, timeout=None):
        with self.lock:
            was_new = self.phase == "new"
            self.phase = "stopped"
            if not drain:
                self.drop()
            self.may_work.notify_all()
            self.may_publish.notify_all()
            if was_new:
                self.alive = 0
            if threading.current_thread() in self.current:
                return False
            if not self.all_done.wait_for(lambda: self.alive == 0, timeout):
                self.drop()
                return False
        if not was_new:
            for t in self.threads:
                t.join()
        return True

    def drop(self):
        self.counts["dropped"] += len(self.events)
        self.events.clear()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.stop(drain=kind is None)
