"""A5.1: a heap, worker tasks that are hired on demand, and one asyncio.Condition.

A worker runs its jobs inside itself, one after the other, and leaves when the heap is
empty. A worker that was cancelled for the sake of its job is spent: it is replaced, so
that no cancellation can spill over into the next job. Everybody who waits, waits on one
condition; a herald task notifies it, because `submit` and `cancel` are not coroutines.
"""

import asyncio
import heapq
import itertools
from collections import Counter
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Status = Literal["pending", "running", "done", "failed", "cancelled"]
FINISHED = ("done", "failed", "cancelled")


class TaskCancelled(Exception):
    pass


class TaskHandle(Generic[T]):
    def __init__(self, manager, id, fn, args, priority, name, timeout):
        self.id = id
        self.name = name
        self.priority = priority
        self._manager = manager
        self._fn = fn
        self._args = args
        self._timeout = timeout
        self._status = "pending"
        self._worker = None
        self._clock = None
        self._cancel_asked = False
        self._value = None
        self._error = None

    @property
    def status(self) -> Status:
        return self._status

    def cancel(self) -> bool:
        if self._status in FINISHED:
            return False
        if self._status == "pending":
            self._become("cancelled")
        elif not self._cancel_asked:
            self._cancel_asked = True
            # If the timeout has struck, its CancelledError is at work already.
            if not self._clock.expired():
                self._clock.reschedule(None)
                self._worker.cancel()
        return True

    async def result(self) -> T:
        changed = self._manager._changed
        async with changed:
            await changed.wait_for(lambda: self._status in FINISHED)
        if self._status == "cancelled":
            raise TaskCancelled(self.name)
        if self._status == "failed":
            raise self._error
        return self._value

    async def _run(self):
        self._worker = asyncio.current_task()
        self._become("running")
        try:
            async with asyncio.timeout(self._timeout) as self._clock:
                self._value = await self._fn(*self._args)
                if self._cancel_asked:
                    # Swallowed by the job, or (when the job cancelled itself and
                    # returned) still on its way? In the latter case it strikes here.
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._become("cancelled")
        except Exception as error:
            self._error = error
            self._become("cancelled" if self._cancel_asked else "failed")
        else:
            self._become("done")

    def _become(self, status):
        counts = self._manager._counts
        counts[self._status] -= 1
        counts[status] += 1
        self._status = status
        if status in FINISHED:
            self._fn = self._args = None
            self._manager._announce()


class TaskManager:
    def __init__(self, max_concurrent: int = 4) -> None:
        if max_concurrent < 1:
            raise ValueError("max_concurrent must be at least 1")
        self._max_concurrent = max_concurrent
        self._heap = []
        self._ids = itertools.count()
        self._workers = set()
        self._active = {}
        self._counts = Counter()
        self._changed = asyncio.Condition()
        self._herald = None
        self._closed = False

    def submit(self, fn, *args, priority=0, name=None, timeout=None) -> TaskHandle:
        if self._closed:
            raise RuntimeError("the manager has been shut down")
        if not callable(fn):
            raise TypeError(f"{fn!r} is not callable")
        if timeout is not None and timeout <= 0:
            raise ValueError("timeout must be positive")
        id = next(self._ids)
        handle = TaskHandle(self, id, fn, args, priority, name or f"job {id}", timeout)
        self._counts["pending"] += 1
        heapq.heappush(self._heap, (priority, id, handle))
        self._hire()
        return handle

    def stats(self) -> dict[Status, int]:
        names = ("pending", "running", *FINISHED)
        return {name: self._counts[name] for name in names}

    async def join(self) -> None:
        async with self._changed:
            await self._changed.wait_for(self._is_idle)

    async def shutdown(self, *, cancel: bool = False) -> None:
        self._closed = True
        if cancel:
            waiting = [handle for _, _, handle in self._heap]
            for handle in [*self._active.values(), *waiting]:
                handle.cancel()
        await self.join()
        while self._workers:
            await asyncio.wait(set(self._workers))

    async def __aenter__(self) -> "TaskManager":
        return self

    async def __aexit__(self, exc_type, exc, tb) -> None:
        cancel = exc_type is not None
        interrupted = None
        while True:
            try:
                await self.shutdown(cancel=cancel)
                break
            except asyncio.CancelledError as error:
                cancel = True
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def _is_idle(self):
        return not self._counts["pending"] and not self._counts["running"]

    def _hire(self):
        if self._heap and len(self._workers) < self._max_concurrent:
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)

    async def _work(self):
        me = asyncio.current_task()
        try:
            while self._heap and not me.cancelling():
                _, _, handle = heapq.heappop(self._heap)
                if handle.status == "pending":
                    self._active[handle.id] = handle
                    await handle._run()
                    del self._active[handle.id]
        finally:
            self._workers.discard(me)
        self._hire()

    def _announce(self):
        if self._herald is None or self._herald.done():
            self._herald = asyncio.create_task(self._notify())

    async def _notify(self):
        async with self._changed:
            self._changed.notify_all()
