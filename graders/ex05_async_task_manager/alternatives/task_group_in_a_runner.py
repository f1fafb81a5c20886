"""A5.3: a runner task that holds an asyncio.TaskGroup, woken by an Event.

The runner exists while there is something to do. It sleeps until a job arrives or ends, then
fills the free slots. Jobs catch what they raise: a group would cancel all for the sake of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class State(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskCancelled(Exception):
    pass


class TaskHandle(Generic[T]):
    def __init__(self, id: int, name: str, priority: int, timeout: float | None, call):
        self.id, self.name, self.priority = id, name, priority
        self.state = State.PENDING
        self._timeout = timeout
        self._call = call
        self._ended = asyncio.Event()
        self._task: asyncio.Task | None = None
        self._scope: asyncio.Timeout | None = None
        self._unwanted = False
        self._value: Any = None
        self._error: BaseException | None = None

    def __lt__(self, other: TaskHandle) -> bool:
        return (self.priority, self.id) < (other.priority, other.id)

    @property
    def status(self) -> str:
        return str(self.state)

    def cancel(self) -> bool:
        if self._ended.is_set():
            return False
        first, self._unwanted = not self._unwanted, True
        if self.state is State.PENDING:
            self._end(State.CANCELLED)
        elif first and self._scope is not None and not self._scope.expired():
            self._scope.reschedule(None)
            self._task.cancel()
        return True

    async def result(self) -> T:
        await self._ended.wait()
        if self.state is State.CANCELLED:
            raise TaskCancelled(f"task {self.name!r} was cancelled")
        if self._error is not None:
            raise self._error
        return self._value

    async def _execute(self) -> None:
        """Run the call and note how it ended, in the very step in which it ends."""
        if self._unwanted:  # cancelled after the choice, before the first step
            return self._end(State.CANCELLED)
        try:
            async with asyncio.timeout(self._timeout) as self._scope:
                self._value = await self._call()
                if self._unwanted:
                    await asyncio.sleep(0)  # let an undelivered cancellation arrive
        except asyncio.CancelledError:
            self._end(State.CANCELLED)
        except Exception as error:
            self._error = error
            self._end(State.CANCELLED if self._unwanted else State.FAILED)
        else:
            self._end(State.DONE)

    def _end(self, state: State) -> None:
        self.state = state
        self._ended.set()


class TaskManager:
    def __init__(self, max_concurrent: int = 4) -> None:
        if max_concurrent < 1:
            raise ValueError(max_concurrent)
        self._limit = max_concurrent
        self._submitted = 0
        self._waiting: list[TaskHandle] = []
        self._running: list[TaskHandle] = []
        self._past: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._runner: asyncio.Task | None = None
        self._closing = False

    def submit(
        self,
        fn: Callable[..., Awaitable[T]],
        *args: Any,
        priority: int = 0,
        name: str | None = None,
        timeout: float | None = None,
    ) -> TaskHandle[T]:
        if self._closing:
            raise RuntimeError("shutdown() has been called")
        if not callable(fn):
            raise TypeError(f"not callable: {fn!r}")
        if timeout is not None and timeout <= 0:
            raise ValueError(f"timeout={timeout}")

        async def call() -> T:
            return await fn(*args)

        self._submitted += 1
        handle: TaskHandle[T] = TaskHandle(
            self._submitted, name or f"#{self._submitted}", priority, timeout, call
        )
        heapq.heappush(self._waiting, handle)
        self._wake.set()
        if self._idle.is_set():
            self._idle.clear()
            self._runner = asyncio.create_task(self._run())
        return handle

    def stats(self) -> dict[str, int]:
        now = Counter(handle.status for handle in self._waiting + self._running)
        return {state.value: (self._past + now)[state.value] for state in State}

    async def join(self) -> None:
        while not self._idle.is_set():
            await self._idle.wait()

    async def shutdown(self, *, cancel: bool = False) -> None:
        self._closing = True
        if cancel:
            for handle in self._running + self._waiting:
                handle.cancel()
        await self.join()
        if self._runner is not None:
            await asyncio.wait([self._runner])

    async def __aenter__(self) -> TaskManager:
        return self

    async def __aexit__(self, exc_type, exc, tb) -> None:
        async with contextlib.AsyncExitStack() as stack:
            # On the way out by an exception, the stack sees to the clean-up.
            stack.push_async_exit(self._abandon)
            await self.shutdown(cancel=exc_type is not None)

    async def _abandon(self, exc_type, exc, tb) -> None:
        while exc_type is not None and not self._idle.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.shutdown(cancel=True)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while self._fill(group):
                self._wake.clear()
                await self._wake.wait()
            self._idle.set()

    def _fill(self, group: asyncio.TaskGroup) -> bool:
        """Start what can start; False when nothing runs and nothing waits."""
        while self._waiting and len(self._running) < self._limit:
            handle = heapq.heappop(self._waiting)
            if handle.state is not State.PENDING:
                self._past[handle.status] += 1
                continue
            handle.state = State.RUNNING
            self._running.append(handle)
            handle._task = group.create_task(self._occupy_slot(handle))
        return bool(self._running)

    async def _occupy_slot(self, handle: TaskHandle) -> None:
        try:
            await handle._execute()
        finally:
            self._running.remove(handle)
            self._past[handle.status] += 1
            self._wake.set()
