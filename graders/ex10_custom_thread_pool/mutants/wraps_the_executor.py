"""Mistake 10.10: a ThreadPoolExecutor with another name.

Caught by: C1
"""

import queue
from concurrent.futures import ThreadPoolExecutor
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
        if min_workers < 0 or max_workers < 1 or min_workers > max_workers:
            raise ValueError("bad sizes")
        if idle_timeout <= 0 or max_queue < 0:
            raise ValueError("bad limits")
        self._max_queue = max_queue
        self._max = max_workers
        self._executor = ThreadPoolExecutor(max_workers, thread_name_prefix=name)

    def submit(self, fn, /, *args, priority=0, block=True, **kwargs):
        if 0 < self._max_queue <= self._executor._work_queue.qsize() and not block:
            raise queue.Full
        return self._executor.submit(fn, *args, **kwargs)

    def map(self, fn, *iterables, priority=0):
        return self._executor.map(fn, *iterables)

    def resource(self):
        return None

    def resize(self, min_workers, max_workers):
        self._executor._max_workers = max_workers

    def stats(self):
        workers = len(self._executor._threads)
        queued = self._executor._work_queue.qsize()
        return PoolStats(workers, 0, queued, 0, 0, 0, workers)

    def shutdown(self, wait=True, *, cancel_pending=False):
        self._executor.shutdown(wait, cancel_futures=cancel_pending)

    def __enter__(self):
        return self

    def __exit__(self, error_type, *_):
        self.shutdown(cancel_pending=error_type is not None)
