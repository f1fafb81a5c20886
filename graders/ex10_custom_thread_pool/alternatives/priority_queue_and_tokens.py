"""A10.2: a queue.PriorityQueue that holds tasks, and tokens that wake; counts have a lock.

A task is counted before it is put on the queue and after it was taken off, so the counts
never say less than the truth. A worker that found nothing in time asks the counts, under
the lock, whether it may go.
"""

import itertools
import math
import queue
import threading
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


def validate(min_workers, max_workers):
    if min_workers < 0:
        raise ValueError("min_workers must not be negative")
    if max_workers < 1:
        raise ValueError("max_workers must be positive")
    if min_workers > max_workers:
        raise ValueError("min_workers must not exceed max_workers")


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
        validate(min_workers, max_workers)
        if idle_timeout <= 0:
            raise ValueError("idle_timeout must be positive")
        if max_queue < 0:
            raise ValueError("max_queue must not be negative")
        self.min, self.max = min_workers, max_workers
        self.idle_timeout, self.max_queue = idle_timeout, max_queue
        self.make_resource, self.name = resource_factory, name
        self.tasks = queue.PriorityQueue()
        self.tickets = itertools.count()
        self.here = threading.local()
        self.counts = threading.Condition()
        self.workers = self.idle = self.queued = self.peak = self.cancelling = 0
        self.completed = self.failed = self.cancelled = 0
        self.closed = False
        self.threads = []
        with self.counts:
            for _ in range(min_workers):
                self.start_worker()

    def start_worker(self):
        n = len(self.threads)
        thread = threading.Thread(
            target=self.worker, name=f"{self.name}/{n}", daemon=True
        )
        thread.start()
        self.threads.append(thread)
        self.workers += 1
        self.idle += 1
        self.peak = max(self.peak, self.workers)

    def wake_all(self):
        for _ in range(self.workers):
            self.tasks.put((math.inf, next(self.tickets), None))

    def submit(self, fn, /, *args, priority=0, block=True, **kwargs):
        future = Future()
        with self.counts:
            while (
                not self.closed
                and self.max_queue
                and self.queued - self.idle >= self.max_queue
                and self.workers >= self.max
            ):
                if not block:
                    raise queue.Full
                self.counts.wait()
            if self.closed:
                raise RuntimeError("cannot submit after shutdown")
            self.queued += 1
            if self.queued > self.idle and self.workers < self.max:
                self.start_worker()
            job = (future, fn, args, kwargs)
            self.tasks.put((priority, next(self.tickets), job))
        return future

    def map(self, fn, *iterables, priority=0):
        futures = []
        for args in zip(*iterables):
            futures.append(self.submit(fn, *args, priority=priority))
        futures.reverse()

        def gen():
            try:
                while futures:
                    yield futures.pop().result()
            finally:
                for future in futures:
                    future.cancel()

        return gen()

    def worker(self):
        self.here.inside, self.here.resource, self.here.made = True, None, False
        while True:
            try:  # who may not go looks again, as the minimum may be another one then
                _, _, job = self.tasks.get(timeout=self.idle_timeout)
            except queue.Empty:
                if self.may_go(timed_out=True):
                    break
                continue
            if job is None:
                if self.may_go():
                    break
                continue
            with self.counts:
                self.queued -= 1
                self.idle -= 1
            outcome = self.run(*job)
            job = None
            with self.counts:
                setattr(self, outcome, getattr(self, outcome) + 1)
                self.idle += 1
                self.counts.notify_all()
            if self.workers > self.max and self.may_go():
                break
        if self.here.made and hasattr(self.here.resource, "close"):
            self.here.resource.close()

    def may_go(self, timed_out=False):
        """Say goodbye if there is nothing to stay for; all of it under the lock."""
        with self.counts:
            if self.workers > self.max:
                goes = True
            elif self.queued:
                goes = False
            else:
                goes = self.closed or (timed_out and self.workers > self.min)
            if goes:
                self.workers -= 1
                self.idle -= 1
                self.counts.notify_all()
            elif self.closed:
                self.tasks.put((math.inf, next(self.tickets), None))
            return goes

    def run(self, future, fn, args, kwargs):
        if not future.set_running_or_notify_cancel():
            return "cancelled"
        try:
            if self.make_resource is not None and not self.here.made:
                self.here.resource = self.make_resource()
                self.here.made = True
            result = fn(*args, **kwargs)
        except BaseException as exc:
            future.set_exception(exc)
            return "failed"
        else:
            future.set_result(result)
            return "completed"

    def resource(self):
        if not getattr(self.here, "inside", False):
            raise RuntimeError("resource() works inside tasks only")
        return self.here.resource

    def resize(self, min_workers, max_workers):
        validate(min_workers, max_workers)
        with self.counts:
            self.min, self.max = min_workers, max_workers
            while not self.closed and (
                self.workers < min_workers
                or (self.workers < max_workers and self.queued > self.idle)
            ):
                self.start_worker()
            self.wake_all()
            self.counts.notify_all()

    def stats(self):
        with self.counts:
            return PoolStats(
                workers=self.workers,
                idle=self.idle,
                queued=self.queued,
                completed=self.completed,
                failed=self.failed,
                cancelled=self.cancelled,
                peak_workers=self.peak,
            )

    def shutdown(self, wait=True, *, cancel_pending=False):
        dropped = []
        with self.counts:
            self.closed = True
            if cancel_pending:
                while not self.tasks.empty():
                    try:
                        _, _, job = self.tasks.get_nowait()
                    except queue.Empty:
                        break
                    if job is not None:
                        dropped.append(job[0])
                self.queued -= len(dropped)
                self.cancelled += len(dropped)
                self.cancelling += 1
            self.wake_all()
            self.counts.notify_all()
        if cancel_pending:
            for future in dropped:
                future.cancel()
                future.set_running_or_notify_cancel()
            with self.counts:
                self.cancelling -= 1
                self.counts.notify_all()
        if wait and not getattr(self.here, "inside", False):
            for thread in self.threads:
                thread.join()
            with self.counts:
                self.counts.wait_for(lambda: not self.cancelling)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        self.shutdown(cancel_pending=exc_type is not None)
