"""A10.4: a semaphore counts what there is to wake up for, a lock guards the heap.

There is a permit for each task in the heap, and sometimes one more: who is woken for
nothing goes back to sleep. Workers look up every idle_timeout, so nobody must be told
that the bounds are different now, except those who are to leave at once.
"""

import heapq
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import count


@dataclass(frozen=True)
class PoolStats:
    workers: int = 0
    idle: int = 0
    queued: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    peak_workers: int = 0


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
        self._set_bounds(min_workers, max_workers)
        if idle_timeout <= 0 or max_queue < 0:
            raise ValueError
        self._idle_timeout = idle_timeout
        self._max_queue = max_queue
        self._factory = resource_factory
        self._name = name
        self._heap = []
        self._ticket = count()
        self._permits = threading.Semaphore(0)
        self._shutting = threading.RLock()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._now = PoolStats()  # replaced as a whole, so that it is always consistent
        self._closed = False
        self._threads = []
        self._tls = threading.local()
        with self._lock:
            self._staff_up()

    def _set_bounds(self, low, high):
        if low < 0 or high < 1 or low > high:
            raise ValueError(f"min_workers={low}, max_workers={high}")
        self._bounds = low, high

    def _add(self, **deltas):
        old = {name: getattr(self._now, name) for name in deltas}
        self._now = replace(self._now, **{n: old[n] + d for n, d in deltas.items()})
        peak = max(self._now.peak_workers, self._now.workers)
        self._now = replace(self._now, peak_workers=peak)

    def _staff_up(self):
        low, high = self._bounds
        while (
            not self._closed
            and self._now.workers < high
            and (self._now.workers < low or self._now.queued > self._now.idle)
        ):
            t = threading.Thread(target=self._worker, name=self._name, daemon=True)
            t.start()
            self._threads.append(t)
            self._add(workers=1, idle=1)

    def submit(self, fn, /, *args, priority=0, block=True, **kwargs):
        future = Future()

        def task(prepare):
            if not future.set_running_or_notify_cancel():
                return "cancelled"
            try:
                prepare()
                value = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
                return "failed"
            future.set_result(value)
            return "completed"

        def has_room():
            now, (_, high) = self._now, self._bounds
            return (
                self._closed
                or not self._max_queue
                or now.workers < high
                or now.queued - now.idle < self._max_queue
            )

        with self._room:
            if not has_room() and not block:
                raise queue.Full
            self._room.wait_for(has_room)
            if self._closed:
                raise RuntimeError("no new tasks after shutdown")
            heapq.heappush(self._heap, (priority, next(self._ticket), task, future))
            self._add(queued=1)
            self._staff_up()
        self._permits.release()
        return future

    def map(self, fn, *iterables, priority=0):
        futures = [self.submit(fn, *a, priority=priority) for a in zip(*iterables)]
        return iter_results(futures)

    def _worker(self):
        holder = {}
        self._tls.holder = holder

        def prepare():
            if self._factory is not None and not holder:
                holder["resource"] = self._factory()

        while True:
            woken = self._permits.acquire(timeout=self._idle_timeout)
            with self._lock:
                low, high = self._bounds
                if self._now.workers <= high and self._heap:
                    *_, task, _ = heapq.heappop(self._heap)
                    self._add(queued=-1, idle=-1)
                elif (
                    self._now.workers > high
                    or self._closed
                    or (not woken and self._now.workers > low)
                ):
                    self._add(workers=-1, idle=-1)
                    self._room.notify_all()
                    if woken and self._heap:
                        self._permits.release()
                    break
                else:
                    continue
            how = task(prepare)
            del task
            with self._lock:
                self._add(idle=1, **{how: 1})
                self._room.notify_all()
        close = getattr(holder.get("resource"), "close", None)
        if close is not None:
            close()

    def resource(self):
        if not hasattr(self._tls, "holder"):
            raise RuntimeError("there is no task here")
        return self._tls.holder.get("resource")

    def resize(self, min_workers, max_workers):
        with self._lock:
            self._set_bounds(min_workers, max_workers)
            self._staff_up()
            self._room.notify_all()
            self._wake_all()

    def _wake_all(self):
        if self._now.workers:
            self._permits.release(self._now.workers)

    def stats(self):
        return self._now

    def shutdown(self, wait=True, *, cancel_pending=False):
        with self._shutting:
            for future in self._close(cancel_pending):
                future.cancel()
                future.set_running_or_notify_cancel()
        if wait and not hasattr(self._tls, "holder"):
            for thread in self._threads:
                thread.join()

    def _close(self, cancel_pending):
        with self._lock:
            self._closed = True
            dropped = [entry[-1] for entry in self._heap] if cancel_pending else []
            if cancel_pending:
                self._heap.clear()
                self._add(queued=-len(dropped), cancelled=len(dropped))
            self._room.notify_all()
            self._wake_all()
        return dropped

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.shutdown(cancel_pending=kind is not None)


def iter_results(futures):
    for future in futures:
        yield future.result()
