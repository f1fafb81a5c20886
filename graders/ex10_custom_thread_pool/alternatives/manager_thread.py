"""A10.3: a manager thread owns everything and has no lock; all others write it letters.

A letter is a function to be called by the manager. Workers have a letter box too, in
which they find a task or None, which tells them to go.
"""

import heapq
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass


@dataclass(frozen=True)
class PoolStats:
    workers: int
    idle: int
    queued: int
    completed: int
    failed: int
    cancelled: int
    peak_workers: int


class _Worker:
    def __init__(self):
        self.box = queue.SimpleQueue()
        self.idle_since = time.monotonic()
        self.thread = None


class _State:
    """What only the manager touches."""

    def __init__(self, low, high):
        self.low, self.high = low, high
        self.heap, self.arrivals = [], 0
        self.parked = []  # submits that wait for room
        self.idle, self.busy, self.gone = [], set(), []
        self.completed = self.failed = self.cancelled = self.peak = 0
        self.closed = False

    @property
    def workers(self):
        return len(self.idle) + len(self.busy)


class ThreadPool:
    def __init__(
        self,
        min_workers=1,
        max_workers=4,
        *,
        idle_timeout=1.0,
        max_queue=0,
        resource_factory=None,
        name="pool",
    ):
        _check(min_workers, max_workers)
        if not idle_timeout > 0:
            raise ValueError("idle_timeout")
        if max_queue < 0:
            raise ValueError("max_queue")
        self._idle_timeout, self._max_queue = idle_timeout, max_queue
        self._factory, self._name = resource_factory, name
        self._mine = threading.local()
        self._letters = queue.SimpleQueue()
        self._door = threading.Lock()  # between the last letter and the end
        self._shutting = threading.RLock()
        self._over = False
        self._state = _State(min_workers, max_workers)
        for _ in range(min_workers):
            self._state.idle.append(self._hire())
        self._manager = threading.Thread(target=self._manage)
        self._manager.start()

    # The callers' side.

    def _ask(self, question, *args):
        """Have the manager answer; a callable answer comes later, an exception is raised."""
        reply = queue.SimpleQueue()
        with self._door:
            if not self._over:
                self._letters.put((question, args, reply))
            else:
                question(*args, reply)  # nobody else is there any more
        answer = reply.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def submit(self, fn, /, *args, priority=0, block=True, **kwargs):
        future = Future()
        self._ask(self._on_submit, priority, (future, fn, args, kwargs), block)
        return future

    def map(self, fn, *iterables, priority=0):
        futures = [
            self.submit(fn, *args, priority=priority) for args in zip(*iterables)
        ]

        def results():
            for future in futures:
                yield future.result()

        return results()

    def resource(self):
        try:
            return self._mine.resource
        except AttributeError:
            raise RuntimeError("resource() is for tasks") from None

    def resize(self, min_workers, max_workers):
        _check(min_workers, max_workers)
        self._ask(self._on_resize, min_workers, max_workers)

    def stats(self):
        return self._ask(self._on_stats)

    def shutdown(self, wait=True, *, cancel_pending=False):
        with self._shutting:
            for future, *_ in self._ask(self._on_shutdown, cancel_pending):
                future.cancel()
                future.set_running_or_notify_cancel()
        self._ask(self._on_stats)
        if wait and not hasattr(self._mine, "is_worker"):
            self._manager.join()

    def __enter__(self):
        return self

    def __exit__(self, exc_type, *rest):
        self.shutdown(cancel_pending=exc_type is not None)

    # The manager's side.

    def _manage(self):
        s = self._state
        while True:
            try:
                question, args, reply = self._letters.get(timeout=self._patience())
            except queue.Empty:
                pass
            else:
                question(*args, reply)
            self._retire()
            if s.closed and not s.workers and not s.heap:
                break
        for worker in s.gone:
            worker.thread.join()
        with self._door:
            self._over = True
            while not self._letters.empty():
                question, args, reply = self._letters.get()
                question(*args, reply)

    def _patience(self):
        s = self._state
        if s.workers <= s.low or not s.idle:
            return None
        return max(0, s.idle[0].idle_since + self._idle_timeout - time.monotonic())

    def _retire(self):
        s, now = self._state, time.monotonic()
        while s.idle and (
            s.closed
            or s.workers > s.high
            or (s.workers > s.low and s.idle[0].idle_since + self._idle_timeout <= now)
        ):
            self._dismiss(s.idle.pop(0))

    def _dismiss(self, worker):
        worker.box.put(None)
        self._state.gone = [w for w in self._state.gone if w.thread.is_alive()]
        self._state.gone.append(worker)

    def _hire(self):
        worker = _Worker()
        worker.thread = threading.Thread(
            target=self._work, args=(worker,), name=self._name
        )
        worker.thread.start()
        self._state.peak = max(self._state.peak, self._state.workers + 1)
        return worker

    def _assign(self):
        """Give waiting tasks to workers, and parked ones the places that become free."""
        s = self._state
        while s.heap and (s.idle or s.workers < s.high):
            worker = s.idle.pop() if s.idle else self._hire()
            s.busy.add(worker)
            worker.box.put(heapq.heappop(s.heap)[2])
        while s.parked and not self._full():
            priority, task, reply = s.parked.pop(0)
            self._accept(priority, task, reply)

    def _full(self):
        s = self._state
        room = not self._max_queue or len(s.heap) < self._max_queue
        return not (room or s.idle or s.workers < s.high)

    def _accept(self, priority, task, reply):
        s = self._state
        s.arrivals += 1
        heapq.heappush(s.heap, (priority, s.arrivals, task))
        reply.put(None)
        self._assign()

    def _on_submit(self, priority, task, block, reply):
        s = self._state
        if s.closed:
            reply.put(RuntimeError("shut down"))
        elif not self._full():
            self._accept(priority, task, reply)
        elif block:
            s.parked.append((priority, task, reply))
        else:
            reply.put(queue.Full())

    def _on_done(self, worker, outcome, _reply):
        s = self._state
        setattr(s, outcome, getattr(s, outcome) + 1)
        s.busy.discard(worker)
        if s.workers + 1 > s.high:
            self._dismiss(worker)
        else:
            worker.idle_since = time.monotonic()
            s.idle.append(worker)
        self._assign()

    def _on_resize(self, low, high, reply):
        s = self._state
        s.low, s.high = low, high
        while s.workers < low and not s.closed:
            s.idle.append(self._hire())
        self._assign()
        reply.put(None)

    def _on_stats(self, reply):
        s = self._state
        counts = s.completed, s.failed, s.cancelled, s.peak
        reply.put(PoolStats(s.workers, len(s.idle), len(s.heap), *counts))

    def _on_shutdown(self, cancel_pending, reply):
        s = self._state
        s.closed = True
        for *_, parked in s.parked:
            parked.put(RuntimeError("shut down while waiting for room"))
        s.parked.clear()
        dropped = []
        if cancel_pending:
            dropped = [task for *_, task in s.heap]
            s.heap.clear()
            s.cancelled += len(dropped)
        reply.put(dropped)

    # The workers' side.

    def _work(self, me):
        self._mine.is_worker = True
        made = self._factory is None
        if made:
            self._mine.resource = None
        while (task := me.box.get()) is not None:
            future, fn, args, kwargs = task
            outcome = "cancelled"
            if future.set_running_or_notify_cancel():
                try:
                    if not made:
                        self._mine.resource = self._factory()
                        made = True
                    value = fn(*args, **kwargs)
                except BaseException as error:
                    outcome = "failed"
                    future.set_exception(error)
                else:
                    outcome = "completed"
                    future.set_result(value)
            del task, future, fn, args, kwargs
            self._letters.put((self._on_done, (me, outcome), None))
        if made and hasattr(self._mine.resource, "close"):
            self._mine.resource.close()


def _check(low, high):
    if low < 0 or high < 1 or low > high:
        raise ValueError("0 <= min_workers <= max_workers, 1 <= max_workers")
