"""A10.5: a bucket for each priority; an idle worker lies on a stack and is handed its task.

Each worker has an event of its own. Whoever submits takes the worker off the stack, puts
the task into its hands and sets the event; nobody else can take the one or the other.
"""

import itertools
import queue
import threading
from collections import deque
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


class Job:
    __slots__ = ("args", "fn", "future", "kwargs")

    def __init__(self, fn, args, kwargs):
        self.fn, self.args, self.kwargs, self.future = fn, args, kwargs, Future()


class Worker:
    def __init__(self, pool, job):
        self.pool, self.job = pool, job
        self.awake = threading.Event()
        self.resource, self.has_resource = None, False
        self.thread = threading.Thread(
            target=self.run, name=f"{pool.name} {next(pool.serial)}", daemon=True
        )

    def run(self):
        pool = self.pool
        pool.local.worker = self
        while True:
            if self.job is None and not self.awake.wait(pool.patience(self)):
                if pool.leaves(self):
                    break
                continue
            self.awake.clear()
            job, self.job = self.job, None
            if job is None:
                if pool.leaves(self, looked=True):
                    break
                continue
            kind = self.work(job)
            del job
            if not pool.next_job(self, kind):
                break
        if self.has_resource and callable(getattr(self.resource, "close", None)):
            self.resource.close()

    def work(self, job):
        if not job.future.set_running_or_notify_cancel():
            return "cancelled"
        try:
            if not self.has_resource and self.pool.factory is not None:
                self.resource = self.pool.factory()
                self.has_resource = True
            result = job.fn(*job.args, **job.kwargs)
        except BaseException as e:
            job.future.set_exception(e)
            return "failed"
        job.future.set_result(result)
        return "completed"


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
        self.check(min_workers, max_workers)
        if idle_timeout <= 0 or max_queue < 0:
            raise ValueError("idle_timeout > 0 and max_queue >= 0 please")
        self.low, self.high = min_workers, max_workers
        self.idle_timeout, self.max_queue = idle_timeout, max_queue
        self.factory, self.name, self.serial = resource_factory, name, itertools.count()
        self.local = threading.local()
        self.lock = threading.RLock()
        self.space = threading.Condition(self.lock)
        self.buckets = {}
        self.queued = 0
        self.staff, self.stack, self.leaving = set(), [], set()
        self.peak = 0
        self.count = dict.fromkeys(("completed", "failed", "cancelled"), 0)
        self.closed = False
        with self.lock:
            while len(self.staff) < self.low:
                self.hire(None)

    @staticmethod
    def check(low, high):
        if not (0 <= low <= high and high >= 1):
            raise ValueError(f"impossible bounds: {low}, {high}")

    # called with the lock

    def hire(self, job):
        worker = Worker(self, job)
        self.staff.add(worker)
        self.peak = max(self.peak, len(self.staff))
        if job is None:
            self.stack.append(worker)
        worker.thread.start()

    def pop(self):
        if not self.queued:
            return None
        priority = min(self.buckets)
        bucket = self.buckets[priority]
        job = bucket.popleft()
        if not bucket:
            del self.buckets[priority]
        self.queued -= 1
        return job

    def fire(self, worker):
        self.staff.discard(worker)
        self.leaving.add(worker)
        self.space.notify_all()

    # called by workers

    def patience(self, worker):
        with self.lock:
            return None if len(self.staff) <= self.low else self.idle_timeout

    def leaves(self, worker, looked=False):
        with self.lock:
            if worker not in self.stack:
                return False  # somebody has just put a job into its hands
            if self.closed or len(self.staff) > (self.high if looked else self.low):
                self.stack.remove(worker)
                self.fire(worker)
                return True
            return False

    def next_job(self, worker, kind):
        with self.lock:
            self.count[kind] += 1
            if len(self.staff) > self.high:
                self.fire(worker)
                return False
            worker.job = self.pop()
            if worker.job is None:
                if self.closed:
                    self.fire(worker)
                    return False
                self.stack.append(worker)
            self.space.notify_all()
            return True

    # called by everybody

    def submit(self, fn, /, *args, priority=0, block=True, **kwargs):
        job = Job(fn, args, kwargs)
        with self.lock:
            while True:
                if self.closed:
                    raise RuntimeError("pool is closed")
                if self.stack:
                    worker = self.stack.pop()
                    worker.job = job
                    worker.awake.set()
                    break
                if len(self.staff) < self.high:
                    self.hire(job)
                    break
                if not self.max_queue or self.queued < self.max_queue:
                    self.buckets.setdefault(priority, deque()).append(job)
                    self.queued += 1
                    break
                if not block:
                    raise queue.Full
                self.space.wait()
        return job.future

    def map(self, fn, *iterables, priority=0):
        futures = [
            self.submit(fn, *args, priority=priority) for args in zip(*iterables)
        ]
        return (future.result() for future in futures)

    def resource(self):
        worker = getattr(self.local, "worker", None)
        if worker is None:
            raise RuntimeError("not inside a task")
        return worker.resource

    def resize(self, min_workers, max_workers):
        self.check(min_workers, max_workers)
        with self.lock:
            self.low, self.high = min_workers, max_workers
            while not self.closed and self.queued and len(self.staff) < self.high:
                self.hire(self.pop())
            while not self.closed and len(self.staff) < self.low:
                self.hire(None)
            for worker in self.stack:
                worker.awake.set()
            self.space.notify_all()

    def stats(self):
        with self.lock:
            return PoolStats(
                len(self.staff),
                len(self.stack),
                self.queued,
                self.count["completed"],
                self.count["failed"],
                self.count["cancelled"],
                self.peak,
            )

    def shutdown(self, wait=True, *, cancel_pending=False):
        dropped = []
        with self.lock:
            self.closed = True
            while cancel_pending and (job := self.pop()):
                dropped.append(job)
            for job in dropped:  # the lock is reentrant: callbacks may ask for stats
                job.future.cancel()
                job.future.set_running_or_notify_cancel()
                self.count["cancelled"] += 1
            for worker in self.stack:
                worker.awake.set()
            self.space.notify_all()
            workers = [*self.staff, *self.leaving]
        if wait and not hasattr(self.local, "worker"):
            for worker in workers:
                worker.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        self.shutdown(cancel_pending=exc_type is not None)
