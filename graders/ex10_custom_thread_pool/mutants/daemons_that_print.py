"""Mistake 10.1: daemon threads for ever, which print what the tasks return or raise.

The pool of many a recipe: tasks in a queue, `task_done()`, and nobody who hears of a
result.

Caught by: C1
"""

import queue
import threading
import traceback
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
        self._tasks = queue.Queue(max_queue)
        self._workers = max_workers
        for _ in range(max_workers):
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self):
        while True:
            fn, args, kwargs = self._tasks.get()
            try:
                print(fn(*args, **kwargs))
            except Exception:
                traceback.print_exc()
            finally:
                self._tasks.task_done()

    def submit(self, fn, /, *args, priority=0, block=True, **kwargs):
        self._tasks.put((fn, args, kwargs), block)
        return Future()

    def map(self, fn, *iterables, priority=0):
        return iter([self.submit(fn, *args) for args in zip(*iterables)])

    def resource(self):
        return None

    def resize(self, min_workers, max_workers):
        self._workers = max_workers

    def stats(self):
        queued = self._tasks.qsize()
        return PoolStats(self._workers, 0, queued, 0, 0, 0, self._workers)

    def shutdown(self, wait=True, *, cancel_pending=False):
        if wait:
            self._tasks.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
