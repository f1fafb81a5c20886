"""A waiter that gives up stays in the list of those to wake, and its future is cancelled.

Waking it is an error, and all who came after it are never woken.

Caught by: X3
"""

import asyncio
from collections import Counter, deque
from typing import (
    Any,
    Callable,
    Coroutine,
    Deque,
    Dict,
    Generic,
    List,
    Optional,
    TypeVar,
)

T = TypeVar("T")
Status = str

PENDING, RUNNING, DONE, FAILED, CANCELLED = STATES = (
    "pending",
    "running",
    "done",
    "failed",
    "cancelled",
)


class TaskCancelled(Exception):
    pass


class TaskHandle(Generic[T]):
    def __init__(self, id: int, name: str, priority: int, timeout: Optional[float]):
        self.id = id
        self.name = name
        self.priority = priority
        self.__timeout = timeout
        self.__task: Optional["asyncio.Task[T]"] = None
        self.__timer: Optional[asyncio.TimerHandle] = None
        self.__cancelled = False
        self.__expired = False
        self.__waiters: List["asyncio.Future[None]"] = []

    @property
    def status(self) -> Status:
        if self.__task is None:
            return CANCELLED if self.__cancelled else PENDING
        if not self.__task.done():
            return RUNNING
        if not self.__task.cancelled() and self.__task.exception() is None:
            return DONE
        if self.__cancelled or (self.__task.cancelled() and not self.__expired):
            return CANCELLED
        return FAILED

    def cancel(self) -> bool:
        before = self.status
        if before not in (PENDING, RUNNING):
            return False
        interrupted = self.__cancelled or self.__expired
        self.__cancelled = True
        if before == PENDING:
            self.wake_waiters()
        elif not interrupted:
            self.__task.cancel()
        return True

    async def result(self) -> T:
        while self.status in (PENDING, RUNNING):
            waiter = asyncio.get_running_loop().create_future()
            self.__waiters.append(waiter)
            await waiter
        status = self.status
        if status == CANCELLED:
            raise TaskCancelled(self.name)
        if status == FAILED and self.__task.cancelled():
            raise asyncio.TimeoutError(f"no result within {self.__timeout} s")
        return self.__task.result()

    def start(self, coroutine: Coroutine[Any, Any, T], on_end: Callable[[], None]):
        loop = asyncio.get_running_loop()
        self.__task = loop.create_task(coroutine)
        if self.__timeout is not None:
            self.__timer = loop.call_later(self.__timeout, self.__expire)

        def ended(task: "asyncio.Task[T]") -> None:
            if not task.cancelled():
                task.exception()  # seen, whether or not anybody asks for the result
            if self.__timer is not None:
                self.__timer.cancel()
            on_end()
            self.wake_waiters()

        self.__task.add_done_callback(ended)

    def wake_waiters(self) -> None:
        for waiter in self.__waiters:
            waiter.set_result(None)
        self.__waiters.clear()

    def __expire(self) -> None:
        if not self.__cancelled and not self.__task.done():
            self.__expired = True
            self.__task.cancel()


class TaskManager:
    def __init__(self, max_concurrent: int = 4) -> None:
        if max_concurrent < 1:
            raise ValueError("max_concurrent must be >= 1")
        self.__limit = self.__free = max_concurrent
        self.__buckets: Dict[int, Deque] = {}
        self.__handles: List[TaskHandle] = []
        self.__pump_due = False
        self.__closed = False
        self.__joiners: List["asyncio.Future[None]"] = []

    def submit(
        self,
        fn: Callable[..., Any],
        *args: Any,
        priority: int = 0,
        name: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> TaskHandle:
        if self.__closed:
            raise RuntimeError("this manager is closed")
        if not callable(fn):
            raise TypeError("fn must be callable")
        if timeout is not None and timeout <= 0:
            raise ValueError("timeout must be > 0")
        number = len(self.__handles)
        handle: TaskHandle = TaskHandle(number, name or str(number), priority, timeout)
        self.__handles.append(handle)
        bucket = self.__buckets.setdefault(priority, deque())
        bucket.append((handle, fn, args))
        if not self.__pump_due:
            self.__pump_due = True
            asyncio.get_running_loop().call_soon(self.__pump)
        return handle

    def stats(self) -> Dict[Status, int]:
        counts = Counter(handle.status for handle in self.__handles)
        return {state: counts[state] for state in STATES}

    async def join(self) -> None:
        while self.__busy():
            joiner = asyncio.get_running_loop().create_future()
            self.__joiners.append(joiner)
            try:
                await joiner
            finally:
                if joiner in self.__joiners:
                    self.__joiners.remove(joiner)

    async def shutdown(self, *, cancel: bool = False) -> None:
        self.__closed = True
        if cancel:
            for handle in self.__handles:
                handle.cancel()
        await self.join()

    async def __aenter__(self) -> "TaskManager":
        return self

    async def __aexit__(self, exc_type, exc, tb) -> bool:
        cancelled = None
        first = True
        while first or self.__busy():
            try:
                await self.shutdown(cancel=exc_type is not None or not first)
            except asyncio.CancelledError as error:
                cancelled = error
            first = False
        if cancelled:
            raise cancelled
        return False

    def __busy(self) -> bool:
        # What waits is either cancelled or has the pump coming for it.
        return self.__free < self.__limit or bool(self.__buckets)

    def __pump(self) -> None:
        self.__pump_due = False
        while self.__free and self.__buckets:
            most_urgent = min(self.__buckets)
            bucket = self.__buckets[most_urgent]
            handle, fn, args = bucket.popleft()
            if not bucket:
                del self.__buckets[most_urgent]
            if handle.status == PENDING:
                self.__free -= 1
                handle.start(call(fn, args), self.__slot_is_free)
        self.__tell_joiners()

    def __slot_is_free(self) -> None:
        self.__free += 1
        self.__pump()

    def __tell_joiners(self) -> None:
        if self.__joiners and not self.__busy():
            for joiner in self.__joiners:
                if not joiner.done():
                    joiner.set_result(None)


async def call(fn, args):
    return await fn(*args)
