"""A worker takes a CancelledError out of its job for its own cancellation, and ends.

The job had awaited something that was cancelled elsewhere. Its slot is lost.

Caught by: R2
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Status = Literal["pending", "running", "done", "failed", "cancelled"]


class TaskCancelled(Exception):
    """The task was cancelled, so there is no result."""


@dataclass(order=True, frozen=True)
class Entry:
    priority: int
    number: int
    handle: "TaskHandle" = field(compare=False)


@dataclass(frozen=True)
class Outcome:
    status: Status
    value: Any = None
    error: BaseException | None = None


@dataclass(eq=False)
class TaskHandle(Generic[T]):
    id: int
    name: str
    priority: int
    fn: Callable[..., Awaitable[T]] = field(repr=False)
    args: tuple = field(repr=False)
    timeout: float | None
    outcome: asyncio.Future = field(repr=False)
    task: asyncio.Task | None = field(default=None, repr=False)
    clock: asyncio.Timeout | None = field(default=None, repr=False)
    cancel_asked: bool = False

    @property
    def status(self) -> Status:
        if self.outcome.done():
            return self.outcome.result().status
        return "pending" if self.task is None else "running"

    def cancel(self) -> bool:
        if self.outcome.done():
            return False
        if self.task is None:
            self.outcome.set_result(Outcome("cancelled"))
        elif not self.cancel_asked:
            self.cancel_asked = True
            # Not yet begun: perform() will see the request in its first step.
            if self.clock is not None and not self.clock.expired():
                self.clock.reschedule(None)
                self.task.cancel()
        return True

    async def result(self) -> T:
        outcome = await asyncio.shield(self.outcome)
        match outcome.status:
            case "done":
                return outcome.value
            case "failed":
                raise outcome.error
            case _:
                raise TaskCancelled(self.name)

    async def perform(self) -> None:
        self.outcome.set_result(await self._outcome())

    async def _outcome(self) -> Outcome:
        if self.cancel_asked:
            return Outcome("cancelled")
        try:
            async with asyncio.timeout(self.timeout) as self.clock:
                value = await self.fn(*self.args)
                if self.cancel_asked:
                    await asyncio.sleep(0)  # a cancel not delivered yet comes now
        except asyncio.CancelledError:
            if not self.cancel_asked:
                self.outcome.set_result(Outcome("cancelled"))
                raise
            return Outcome("cancelled")
        except Exception as error:
            if self.cancel_asked:
                return Outcome("cancelled")
            return Outcome("failed", error=error)
        return Outcome("done", value=value)


class TaskManager:
    def __init__(self, max_concurrent: int = 4) -> None:
        if max_concurrent < 1:
            raise ValueError("max_concurrent < 1")
        self.max_concurrent = max_concurrent
        self.queue: asyncio.PriorityQueue[Entry] = asyncio.PriorityQueue()
        self.numbers = itertools.count()
        self.workers: list[asyncio.Task] = []
        self.open_handles: dict[int, TaskHandle] = {}
        self.finished: Counter[Status] = Counter()
        self.closed = False

    def submit(
        self,
        fn: Callable[..., Awaitable[T]],
        *args: Any,
        priority: int = 0,
        name: str | None = None,
        timeout: float | None = None,
    ) -> TaskHandle[T]:
        if self.closed:
            raise RuntimeError("submit after shutdown")
        if not callable(fn):
            raise TypeError("fn is not callable")
        if timeout is not None and not timeout > 0:
            raise ValueError("timeout <= 0")
        number = next(self.numbers)
        handle = TaskHandle(
            id=number,
            name=name or getattr(fn, "__name__", f"task{number}"),
            priority=priority,
            fn=fn,
            args=args,
            timeout=timeout,
            outcome=asyncio.get_running_loop().create_future(),
        )
        self.open_handles[number] = handle
        self.queue.put_nowait(Entry(priority, number, handle))
        if not self.workers:
            self.workers = [
                asyncio.create_task(self.work()) for _ in range(self.max_concurrent)
            ]
        return handle

    def stats(self) -> dict[Status, int]:
        counts = self.finished + Counter(h.status for h in self.open_handles.values())
        order = ("pending", "running", "done", "failed", "cancelled")
        return {status: counts[status] for status in order}

    async def join(self) -> None:
        await self.queue.join()

    async def shutdown(self, *, cancel: bool = False) -> None:
        self.closed = True
        if cancel:
            for handle in list(self.open_handles.values()):
                handle.cancel()
        await self.join()
        for worker in self.workers:
            worker.cancel()
        if self.workers:
            await asyncio.wait(self.workers)

    async def __aenter__(self) -> "TaskManager":
        return self

    async def __aexit__(self, *exc) -> None:
        try:
            await self.shutdown(cancel=exc[0] is not None)
        except asyncio.CancelledError:
            await self.drain()
            raise

    async def drain(self) -> None:
        """Cancel everything and see it end, whatever happens to us meanwhile."""
        while True:
            try:
                return await self.shutdown(cancel=True)
            except asyncio.CancelledError:
                continue

    async def work(self) -> None:
        me = asyncio.current_task()
        while not me.cancelling():
            handle = (await self.queue.get()).handle
            if handle.status == "pending":
                handle.task = asyncio.create_task(handle.perform(), name=handle.name)
                try:
                    await handle.task
                finally:
                    self.forget(handle)
            else:
                self.forget(handle)

    def forget(self, handle: TaskHandle) -> None:
        del self.open_handles[handle.id]
        self.finished[handle.status] += 1
        self.queue.task_done()
