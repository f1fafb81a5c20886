"""A7.5: one dispatcher thread owns all state; everybody else writes it letters.

A letter is a function for the dispatcher to call, and a future for its answer. Workers get
one event at a time, and only when they are free. No lock guards the state.
"""

import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from concurrent.futures import Future
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


class _State:
    """Everything there is to know; touched by the dispatcher only."""

    def __init__(self):
        self.received = self.handled = self.failed = self.dropped = self.in_flight = 0
        self.order = OrderedDict()  # number -> stream
        self.lanes = {}  # stream -> deque of (number, event)
        self.busy = set()
        self.streams = {}
        self.letters = []
        self.waiting = OrderedDict()  # publishers without room: reply -> event
        self.serial = 0
        self.free = 0
        self.closed = False


class StreamProcessor:
    def __init__(
        self, handler, *, workers=4, capacity=1000, overflow="block", on_error=None
    ):
        if workers < 1 or capacity < 1:
            raise ValueError("workers and capacity must be at least 1")
        if overflow not in ("block", "reject", "drop_oldest"):
            raise ValueError(f"no such overflow policy: {overflow}")
        self.handler = handler
        self.on_error = on_error
        self.capacity = capacity
        self.overflow = overflow
        self.worker_count = workers
        self.state = _State()
        self.inbox = queue.SimpleQueue()
        self.jobs = queue.SimpleQueue()
        self.post = threading.Lock()  # no letter after the dispatcher's last one
        self.over = False
        self.threads = []

    # The dispatcher.

    def _dispatch(self):
        while True:
            function, reply = self.inbox.get()
            answer = function()
            if reply is not None:
                reply.set_result(answer)
            self._assign()
            if self._is_finished():
                with self.post:
                    if self.inbox.empty():
                        self.over = True
                        break
        for _ in range(self.worker_count):
            self.jobs.put(None)

    def _is_finished(self):
        s = self.state
        return s.closed and not s.order and s.free == self.worker_count

    def _assign(self):
        s = self.state
        while s.free:
            lane = next((x for n, x in s.lanes.items() if x and n not in s.busy), None)
            if lane is None:
                return
            number, event = lane.popleft()
            del s.order[number]
            s.busy.add(event.stream)
            s.free -= 1
            s.in_flight += 1
            self.jobs.put(event)
            self._let_one_in()

    def _let_one_in(self):
        s = self.state
        if s.waiting and len(s.order) < self.capacity:
            reply, event = s.waiting.popitem(last=False)
            self._accept(event)
            reply.set_result(True)

    def _accept(self, event):
        s = self.state
        s.serial += 1
        s.received += 1
        s.order[s.serial] = event.stream
        s.lanes.setdefault(event.stream, deque()).append((s.serial, event))

    def _drop_oldest(self):
        s = self.state
        _, stream = s.order.popitem(last=False)
        s.lanes[stream].popleft()
        s.dropped += 1

    def _take_in(self, event, reply):
        """Answer a publisher, or let it wait."""
        s = self.state
        if s.closed:
            reply.set_result(None)
        elif len(s.order) < self.capacity:
            self._accept(event)
            reply.set_result(True)
        elif self.overflow == "reject":
            reply.set_result(False)
        elif self.overflow == "drop_oldest":
            self._drop_oldest()
            self._accept(event)
            reply.set_result(True)
        else:
            s.waiting[reply] = event

    def _give_up(self, reply):
        if self.state.waiting.pop(reply, None) is not None:
            reply.set_result(False)

    def _ended(self, event, error):
        s = self.state
        s.in_flight -= 1
        if error is not None:
            s.failed += 1
            s.letters.append((event, error))
            return
        s.handled += 1
        value = event.value
        old = s.streams.get(event.stream) or StreamStats(0, 0.0, value, value)
        s.streams[event.stream] = StreamStats(
            old.count + 1,
            old.total + value,
            min(old.minimum, value),
            max(old.maximum, value),
        )

    def _freed(self, event):
        self.state.busy.discard(event.stream)
        self.state.free += 1

    def _close(self, drop):
        s = self.state
        s.closed = True
        while drop and s.order:
            self._drop_oldest()
        while s.waiting:
            reply, _ = s.waiting.popitem()
            reply.set_result(False)

    def _picture(self):
        s = self.state
        return Stats(
            s.received,
            s.handled,
            s.failed,
            s.dropped,
            len(s.order),
            s.in_flight,
            dict(s.streams),
        )

    # The workers.

    def _work(self):
        while (event := self.jobs.get()) is not None:
            error = None
            try:
                self.handler(event)
            except BaseException as e:
                error = e
            self._ask(lambda e=event, x=error: self._ended(e, x))
            if error is not None and self.on_error is not None:
                try:
                    self.on_error(event, error)
                except BaseException:
                    pass
            self._send(lambda e=event: self._freed(e))

    # Everybody.

    def _send(self, function, reply=None):
        with self.post:
            if not self.over and self.threads:
                self.inbox.put((function, reply))
                return
            answer = function()  # nobody else is there: no thread yet, or none any more
            if reply is not None:
                reply.set_result(answer)

    def _ask(self, function):
        reply = Future()
        self._send(function, reply)
        return reply.result()

    def start(self):
        self.state.free = self.worker_count
        threads = [threading.Thread(target=self._dispatch)]
        threads += [
            threading.Thread(target=self._work) for _ in range(self.worker_count)
        ]
        self.threads = threads
        for thread in threads:
            thread.start()

    def publish(self, event, timeout=None):
        if not self.threads:
            raise RuntimeError("the processor has not been started")
        reply = Future()
        self._send(lambda: self._take_in(event, reply))
        try:
            accepted = reply.result(timeout)
        except TimeoutError:
            self._send(lambda: self._give_up(reply))
            accepted = reply.result()
        if accepted is None:
            raise RuntimeError("the processor has been stopped")
        return accepted

    def stats(self):
        return self._ask(self._picture)

    def dead_letters(self):
        return self._ask(lambda: list(self.state.letters))

    def stop(self, *, drain=True, timeout=None):
        self._ask(lambda: self._close(not drain))
        if not self.threads:
            return True
        if threading.current_thread() in self.threads:
            return False
        self.threads[0].join(timeout)
        if self.threads[0].is_alive():
            self._ask(lambda: self._close(True))
            return False
        for worker in self.threads[1:]:
            worker.join()
        return True

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc, tb):
        self.stop(drain=exc_type is None)
