"""A5.4: asyncio.Semaphore for the slots, and a heap of tickets for the order.

A ticket is a future. Every job waits for its own, but as a future in a heap, not as an asyncio task:
ten thousand tickets cost ten thousand futures. One doorkeeper task first waits for a slot and
only then calls the most urgent ticket. A job that is called off tears up its ticket.
"""

import asyncio
import heapq
import itertools
from collections import Counter
from functools import partial
from typing import Generic, Literal, TypeVar, get_args

T = TypeVar("T")
Status = Literal["pending", "running", "done", "failed", "cancelled"]


class TaskCancelled(Exception):
    pass


class TaskHandle(Generic[T]):
    def __init__(self, id, name, priority, timeout, call):
        self.id = id
        self.name = name
        self.priority = priority
        self._call = call
        self._timeout = timeout
        self._ticket = asyncio.get_running_loop().create_future()
        self._end = asyncio.get_running_loop().create_future()
        self._job = None
        self._begun = False
        self._cancelled = False
        self._timed_out = False

    @property
    def status(self) -> Status:
        if self._end.done():
            return self._end.result()[0]
        return "running" if self._ticket.done() else "pending"

    def cancel(self) -> bool:
        if self._end.done():
            return False
        if self._ticket.cancel():
            self._end.set_result(("cancelled", None))
            return True
        if not self._cancelled:
            self._cancelled = True
            if self._begun and not self._timed_out:
                self._job.cancel()
        return True

    async def result(self) -> T:
        # asyncio.wait() does not cancel what it waits for when it is cancelled itself.
        await asyncio.wait([self._end])
        status, what = self._end.result()
        if status == "cancelled":
            raise TaskCancelled(self.name)
        if status == "failed":
            raise what
        return what

    async def _live(self):
        """Run the job that holds this ticket; never raise, always leave an outcome."""
        self._begun = True
        if self._cancelled:
            self._end.set_result(("cancelled", None))
            return
        alarm = None
        if self._timeout is not None:
            loop = asyncio.get_running_loop()
            alarm = loop.call_later(self._timeout, self._time_is_up)
        try:
            value = await self._call()
            if self._cancelled:
                await asyncio.sleep(0)  # delivers a cancellation still on its way
            outcome = "done", value
        except asyncio.CancelledError:
            outcome = "cancelled", None
            if self._timed_out:
                outcome = "failed", TimeoutError(f"{self.name}: {self._timeout} s")
        except Exception as error:
            outcome = "failed", error
        if self._cancelled and outcome[0] != "done":
            outcome = "cancelled", None
        if alarm is not None:
            alarm.cancel()
        self._end.set_result(outcome)

    def _time_is_up(self):
        if not self._cancelled:
            self._timed_out = True
            self._job.cancel()


class TaskManager:
    def __init__(self, max_concurrent: int = 4) -> None:
        if max_concurrent < 1:
            raise ValueError("at least one slot is needed")
        self._slots = asyncio.Semaphore(max_concurrent)
        self._tickets = []
        self._serial = itertools.count(1)
        self._inside = set()
        self._stats = Counter()
        self._doorkeeper = None
        self._closed = False
        self._changed = asyncio.Event()

    def submit(self, fn, *args, priority=0, name=None, timeout=None) -> TaskHandle:
        if self._closed:
            raise RuntimeError("closed")
        if not callable(fn):
            raise TypeError(type(fn))
        if timeout is not None and timeout <= 0:
            raise ValueError(timeout)
        serial = next(self._serial)
        call = partial(_call, fn, args)
        handle = TaskHandle(serial, name or f"task {serial}", priority, timeout, call)
        heapq.heappush(self._tickets, (priority, serial, handle))
        if self._doorkeeper is None or self._doorkeeper.done():
            self._doorkeeper = asyncio.create_task(self._keep_the_door())
        return handle

    def stats(self) -> dict[Status, int]:
        counts = Counter(self._stats)
        for handle in self._inside:
            counts[handle.status] += 1
        for _, _, handle in self._tickets:
            counts[handle.status] += 1
        return {status: counts[status] for status in get_args(Status)}

    async def join(self) -> None:
        while self._inside or self._tickets:
            await self._changed.wait()

    async def shutdown(self, *, cancel: bool = False) -> None:
        self._closed = True
        if cancel:
            for handle in sorted(self._inside, key=lambda handle: handle.id):
                handle.cancel()
            for _, _, handle in self._tickets:
                handle.cancel()
        await self.join()

    async def __aenter__(self) -> "TaskManager":
        return self

    async def __aexit__(self, *exc) -> None:
        crashed = exc[0] is not None
        ending = asyncio.ensure_future(self.shutdown(cancel=crashed))
        cancelled_error = None
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError as error:
                cancelled_error = error
                for handle in [*self._inside, *(entry[2] for entry in self._tickets)]:
                    handle.cancel()
        if cancelled_error is not None:
            raise cancelled_error

    async def _keep_the_door(self):
        while self._tickets:
            await self._slots.acquire()
            handle = self._next_ticket()
            if handle is None:
                self._slots.release()
                self._change()
                return
            handle._ticket.set_result(None)
            self._inside.add(handle)
            handle._job = asyncio.create_task(self._admit(handle))

    def _next_ticket(self):
        while self._tickets:
            _, _, handle = heapq.heappop(self._tickets)
            if not handle._ticket.cancelled():
                return handle
            self._stats["cancelled"] += 1
        return None

    async def _admit(self, handle):
        await handle._ticket
        try:
            await handle._live()
        finally:
            self._inside.remove(handle)
            self._stats[handle.status] += 1
            self._slots.release()
            self._change()

    def _change(self):
        """Wake those who wait now; whoever comes later waits for the next change."""
        self._changed.set()
        self._changed.clear()


async def _call(fn, args):
    return await fn(*args)
