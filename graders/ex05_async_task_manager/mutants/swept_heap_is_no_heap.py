"""When more than 64 cancelled tasks lie in the heap, it is swept, and left as it comes.

What is left of a heap when some are taken out of it is just a list.

Caught by: X1
"""

import asyncio
import functools
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, Self, TypeVar, get_args

T = TypeVar("T")
Status = Literal["pending", "running", "done", "failed", "cancelled"]


class TaskCancelled(Exception):
    """Raised by `TaskHandle.result` when the task was cancelled.

    It is not `asyncio.CancelledError`: that one would tell whoever asks for the
    result that *they* are being cancelled.
    """


class TaskHandle(Generic[T]):
    """One submitted task: what it is called, how it fares, what became of it."""

    def __init__(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        id: int,
        name: str,
        priority: int,
        timeout: float | None,
    ) -> None:
        self.id = id
        self.name = name
        self.priority = priority
        self._call = call
        self._on_cancel: Callable[[], None] = lambda: None
        self._timeout = timeout
        self._task: asyncio.Task[T] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopped_by: Literal["cancel", "timeout"] | None = None
        # An event, not the task itself, is what waiters wait for: cancelling a
        # waiter then cannot reach the task, and no exception goes unretrieved.
        self._finished = asyncio.Event()

    @property
    def status(self) -> Status:
        """Where the task stands at this very moment."""
        task = self._task
        if task is None:
            return "pending" if self._stopped_by is None else "cancelled"
        if not task.done():
            return "running"
        if task.cancelled():
            return "failed" if self._stopped_by == "timeout" else "cancelled"
        if task.exception() is None:
            return "done"
        return "cancelled" if self._stopped_by == "cancel" else "failed"

    def cancel(self) -> bool:
        """Ask the task to stop; False when it has already finished.

        A pending task never starts. A running one gets a single CancelledError and
        keeps its slot until its clean-up is over.
        """
        if self.status not in ("pending", "running"):
            return False
        self._stop("cancel")
        if self._task is None:
            self._finished.set()
            self._on_cancel()
        return True

    async def result(self) -> T:
        """Wait for the end and return the task's value, as often as it is asked for.

        Raises:
            TaskCancelled: If the task was cancelled.
            TimeoutError: If it ran longer than its timeout.
            BaseException: Whatever the task itself raised.
        """
        await self._finished.wait()
        if self._task is None:
            raise TaskCancelled(f"{self.name} was cancelled before it started")
        try:
            return self._task.result()
        except BaseException as error:
            if self.status == "cancelled":
                raise TaskCancelled(f"{self.name} was cancelled") from error
            if self._task.cancelled():
                message = f"{self.name} ran longer than {self._timeout} s"
                raise TimeoutError(message) from error
            raise

    def _start(self) -> asyncio.Task[T]:
        """Give the job an asyncio task and, if it has a timeout, start its clock."""

        async def run() -> T:
            return await self._call()

        self._task = asyncio.create_task(run(), name=self.name)
        self._task.add_done_callback(self._finish)
        if self._timeout is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout, self._expire)
        return self._task

    def _expire(self) -> None:
        """Stop a task whose time is up, unless something else stopped it before."""
        if self.status == "running" and self._stopped_by is None:
            self._stop("timeout")

    def _stop(self, reason: Literal["cancel", "timeout"]) -> None:
        """Note the reason; interrupt the coroutine once and never a second time.

        A second CancelledError would cut short the clean-up that the first began.
        """
        already_stopping = self._stopped_by is not None
        self._stopped_by = reason
        if self._task is not None and not already_stopping:
            self._task.cancel()

    def _finish(self, _task: asyncio.Task[T]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._finished.set()


class TaskManager:
    """Runs submitted tasks, the most urgent first, at most `max_concurrent` at once.

    Leave it through `async with` or `shutdown()`, so that no task outlives it.

    Args:
        max_concurrent: The number of slots, at least 1.

    Raises:
        ValueError: If `max_concurrent` is below 1.
    """

    def __init__(self, max_concurrent: int = 4) -> None:
        if max_concurrent < 1:
            raise ValueError(f"max_concurrent must be at least 1, not {max_concurrent}")
        self._max_concurrent = max_concurrent
        self._ids = itertools.count(1)
        # Ordered by (priority, id). No two ids are equal, so that ties are first in,
        # first out and two handles are never compared with each other.
        self._queue: list[tuple[int, int, TaskHandle[Any]]] = []
        self._running: dict[int, TaskHandle[Any]] = {}
        self._finished: Counter[Status] = Counter()
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._stale = 0

    def submit(
        self,
        fn: Callable[..., Awaitable[T]],
        *args: Any,
        priority: int = 0,
        name: str | None = None,
        timeout: float | None = None,
    ) -> TaskHandle[T]:
        """Queue `fn(*args)` and return its handle at once.

        `fn` is called when the task starts, not now: a task that never starts leaves
        no coroutine behind that nobody awaited.

        Args:
            fn: Called with `args`; what it returns is awaited.
            args: Positional arguments for `fn`.
            priority: Lower is more urgent; equal priorities keep their order.
            name: For humans; `task-<id>` when not given.
            timeout: Seconds from the task's start, not from now.

        Raises:
            RuntimeError: If the manager was shut down.
            TypeError: If `fn` cannot be called.
            ValueError: If `timeout` is zero or negative.
        """
        if self._closed:
            raise RuntimeError("submit() after shutdown()")
        if not callable(fn):
            raise TypeError(f"fn must be callable, not {type(fn).__name__}")
        if timeout is not None and timeout <= 0:
            raise ValueError(f"timeout must be positive, not {timeout}")
        id_ = next(self._ids)
        handle = TaskHandle(
            lambda: fn(*args),
            id=id_,
            name=name if name is not None else f"task-{id_}",
            priority=priority,
            timeout=timeout,
        )
        handle._on_cancel = self._sweep
        heapq.heappush(self._queue, (priority, id_, handle))
        self._fill_slots()
        return handle

    def stats(self) -> dict[Status, int]:
        """Count the tasks submitted so far by status; all five keys are there."""
        counts = self._finished.copy()
        counts.update(handle.status for handle in self._unfinished())
        return {status: counts[status] for status in get_args(Status)}

    async def join(self) -> None:
        """Wait until nothing is pending or running.

        Cancelling the wait leaves the tasks alone.
        """
        while self._running:
            await self._idle.wait()

    async def shutdown(self, *, cancel: bool = False) -> None:
        """Refuse new tasks and wait until those submitted have ended.

        Safe to call again, also with another `cancel`.

        Args:
            cancel: Cancel what is pending or running instead of finishing it, and
                wait for its clean-up.
        """
        self._closed = True
        if cancel:
            for handle in self._unfinished():
                handle.cancel()
        await self.join()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        """Finish the tasks, or cancel them if the body failed; leave none behind.

        A cancellation that arrives while we wait cancels the tasks too. It goes on
        its way only after their clean-up, however often it is repeated.
        """
        try:
            await self.shutdown(cancel=exc_type is not None)
        except asyncio.CancelledError:
            await self.__aexit__(asyncio.CancelledError)
            raise

    def _unfinished(self) -> list[TaskHandle[Any]]:
        """List the tasks that run and those still in the queue, in that order."""
        return [*self._running.values(), *(handle for _, _, handle in self._queue)]

    def _fill_slots(self) -> None:
        """Start the most urgent pending tasks while there are free slots."""
        while self._queue and len(self._running) < self._max_concurrent:
            _, _, handle = heapq.heappop(self._queue)
            if handle.status == "cancelled":
                self._finished["cancelled"] += 1
                self._stale -= 1
                continue
            self._running[handle.id] = handle
            self._idle.clear()
            task = handle._start()
            task.add_done_callback(functools.partial(self._reap, handle))

    def _sweep(self) -> None:
        """Throw the cancelled tasks out once there are too many of them."""
        self._stale += 1
        if self._stale > 64:
            self._finished["cancelled"] += self._stale
            self._stale = 0
            self._queue[:] = [
                entry for entry in self._queue if entry[2].status == "pending"
            ]

    def _reap(self, handle: TaskHandle[Any], _task: object) -> None:
        """Take back the slot of a finished task and put it to use again."""
        del self._running[handle.id]
        self._finished[handle.status] += 1
        self._fill_slots()
        if not self._running:
            self._idle.set()
