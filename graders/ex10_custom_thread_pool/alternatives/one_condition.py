"""A10.1: one heap and one condition; everything happens under its lock.

Workers, submitters and whoever shuts down wait for the same condition. So every change
wakes all of them, and each looks whether it was the change it had been waiting for.
"""

import heapq
import itertools
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


class Resource:
    def __init__(self, factory):
        self.factory = factory
        self.value = None

    def prepare(self):
        if self.factory is not None:
            self.value = self.factory()
            self.factory = None  # once is enough, if it went well

    def close(self):
        if hasattr(self.value, "close"):
            self.value.close()


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
        self._check_bounds(min_workers, max_workers)
        if idle_timeout <= 0:
            raise ValueError("idle_timeout must be positive")
        if max_queue < 0:
            raise ValueError("max_queue must not be negative")
        self._idle_timeout = idle_timeout
        self._max_queue = max_queue
        self._factory = resource_factory
        self._name = name
        self._here = threading.local()
        self._changed = threading.Condition()
        self._min, self._max = min_workers, max_workers
        self._heap = []  # (priority, number, call, future)
        self._numbers = itertools.count()
        self._threads = []
        self._workers = self._idle = self._peak = 0
        self._ended = {"completed": 0, "failed": 0, "cancelled": 0}
        self._cancelling = set()  # threads that tell dropped futures
        self._closed = False
        with self._changed:
            self._hire(0)

    @staticmethod
    def _check_bounds(low, high):
        if not (0 <= low <= high and high >= 1):
            raise ValueError(f"there cannot be from {low} to {high} workers")

    # The caller of these holds the lock.

    def _hire(self, tasks):
        """Start workers until there is one for each waiting task, or the maximum."""
        while self._workers < self._max and not self._closed:
            if self._workers >= self._min and self._idle >= tasks:
                break
            thread = threading.Thread(
                target=self._work, name=f"{self._name} worker", daemon=True
            )
            thread.start()
            self._threads.append(thread)
            self._workers += 1
            self._idle += 1
            self._peak = max(self._peak, self._workers)

    def _full(self):
        if not self._max_queue or self._workers < self._max:
            return False
        return len(self._heap) - self._idle >= self._max_queue

    def _next_task(self):
        """Wait for a task and take it; None if the worker is to leave."""
        until = time.monotonic() + self._idle_timeout
        while self._workers <= self._max:
            if self._heap:
                self._idle -= 1
                _, _, call, future = heapq.heappop(self._heap)
                self._changed.notify_all()  # there is room now
                return call, future
            if self._closed:
                break
            if self._workers <= self._min:
                self._changed.wait()
                continue
            left = until - time.monotonic()
            if left <= 0:
                break
            self._changed.wait(left)
        self._idle -= 1
        self._workers -= 1
        self._threads = [t for t in self._threads if t.is_alive()]
        self._changed.notify_all()
        return None

    # Workers.

    def _work(self):
        resource = self._here.resource = Resource(self._factory)
        while self._serve(resource):
            pass
        resource.close()

    def _serve(self, resource):
        with self._changed:
            task = self._next_task()
        if task is None:
            return False
        ending = self._run(*task, resource)
        with self._changed:
            self._ended[ending] += 1
            self._idle += 1
            self._changed.notify_all()
        return True

    @staticmethod
    def _run(call, future, resource):
        if not future.set_running_or_notify_cancel():
            return "cancelled"
        try:
            resource.prepare()
            value = call()
        except BaseException as error:
            future.set_exception(error)
            return "failed"
        future.set_result(value)
        return "completed"

    # Everybody.

    def submit(self, fn, /, *args, priority=0, block=True, **kwargs):
        future = Future()
        with self._changed:
            while self._full() and not self._closed:
                if not block:
                    raise queue.Full
                self._changed.wait()
            if self._closed:
                raise RuntimeError("the pool is shut down")
            self._hire(len(self._heap) + 1)
            task = priority, next(self._numbers), lambda: fn(*args, **kwargs), future
            heapq.heappush(self._heap, task)
            self._changed.notify_all()
        return future

    def map(self, fn, *iterables, priority=0):
        futures = [self.submit(fn, *a, priority=priority) for a in zip(*iterables)]
        return (future.result() for future in futures)

    def resource(self):
        try:
            return self._here.resource.value
        except AttributeError:
            raise RuntimeError("resource() is for tasks of this pool") from None

    def resize(self, min_workers, max_workers):
        self._check_bounds(min_workers, max_workers)
        with self._changed:
            self._min, self._max = min_workers, max_workers
            self._hire(len(self._heap))
            self._changed.notify_all()

    def stats(self):
        with self._changed:
            return PoolStats(
                workers=self._workers,
                idle=self._idle,
                queued=len(self._heap),
                peak_workers=self._peak,
                **self._ended,
            )

    def shutdown(self, wait=True, *, cancel_pending=False):
        me = threading.current_thread()
        with self._changed:
            self._closed = True
            dropped = []
            if cancel_pending and self._heap:
                dropped = [future for *_, future in self._heap]
                self._heap.clear()
                self._ended["cancelled"] += len(dropped)
                self._cancelling.add(me)
            self._changed.notify_all()
        # Without the lock: futures call the functions that others gave them.
        for future in dropped:
            future.cancel()
            future.set_running_or_notify_cancel()
        with self._changed:
            if dropped:
                self._cancelling.discard(me)
                self._changed.notify_all()
            if not wait or hasattr(self._here, "resource"):
                return
            self._changed.wait_for(lambda: not self._cancelling - {me})
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.shutdown(cancel_pending=kind is not None)
