"""Exercise 10: a thread pool that grows, shrinks, and takes the most urgent task first.

One lock guards the whole state of a pool, so there is no moment between looking at it
and acting on it. Who waits does so for one of two conditions on that lock: a worker for
`_work`, a submitter for `_room`. What belongs to others, tasks and the callbacks of
futures, runs without the lock.

A worker counts as idle from the moment it is hired until it takes a task. So `_idle` is
also the number of waiting tasks that are as good as taken, and everything follows from
comparing the two: a task more than that hires a worker, or stands in the queue.
"""

import heapq
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, Self, TypeVar

T = TypeVar("T")
Outcome = Literal["completed", "failed", "cancelled"]


@dataclass(frozen=True)
class PoolStats:
    """What a pool was doing at one moment.

    Attributes:
        workers: Threads that take tasks, idle ones included.
        idle: Workers without a task.
        queued: Accepted tasks that have not begun.
        completed: Tasks that returned.
        failed: Tasks that raised.
        cancelled: Tasks that were cancelled before they began.
        peak_workers: The most workers there ever were.
    """

    workers: int
    idle: int
    queued: int
    completed: int
    failed: int
    cancelled: int
    peak_workers: int


class _Resource:
    """One worker's own resource: made when first needed, closed when the worker ends."""

    def __init__(self, factory: Callable[[], Any] | None) -> None:
        self._factory = factory
        self._made = False
        self.value: Any = None

    def prepare(self) -> None:
        """Make it if it is not there; what the factory raises comes out."""
        if self._factory is not None and not self._made:
            self.value = self._factory()
            self._made = True

    def close(self) -> None:
        """Close it, if it was made and can be closed."""
        if self._made and hasattr(self.value, "close"):
            self.value.close()


@dataclass(order=True)
class _Task(Generic[T]):
    """A call that waits, ordered by what may go first: urgency, then arrival."""

    priority: int
    number: int  # no two are equal, so the comparison ends here
    call: Callable[[], T] = field(compare=False)
    future: "Future[T]" = field(compare=False, default_factory=Future)

    def run(self, resource: _Resource) -> Outcome:
        """Make the call, unless it was cancelled, and let the future have the outcome."""
        if not self.future.set_running_or_notify_cancel():
            return "cancelled"
        # Every exception: SystemExit ends a program, and no program is meant here.
        try:
            resource.prepare()
            value = self.call()
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            self.future.set_exception(error)
            return "failed"
        self.future.set_result(value)
        return "completed"


class ThreadPool:
    """Runs submitted calls in threads of its own, the most urgent first.

    Args:
        min_workers: Workers that are there from the start and never retire.
        max_workers: The most workers at any time.
        idle_timeout: Seconds without a task after which a surplus worker retires.
        max_queue: The most tasks that may wait for a worker; 0 for any number.
        resource_factory: Makes a resource for each worker, in the worker's thread.
            If it has a `close`, that is called there when the worker ends.
        name: What the names of the threads begin with.

    Raises:
        ValueError: Unless 0 <= min_workers <= max_workers, 1 <= max_workers,
            0 < idle_timeout and 0 <= max_queue.
    """

    def __init__(  # noqa: PLR0913 - all have a default
        self,
        min_workers: int = 1,
        max_workers: int = 4,
        *,
        idle_timeout: float = 1.0,
        max_queue: int = 0,
        resource_factory: Callable[[], Any] | None = None,
        name: str = "pool",
    ) -> None:
        _refuse_bad_sizes(min_workers, max_workers)
        if not idle_timeout > 0:
            raise ValueError(f"idle_timeout must be above 0, not {idle_timeout}")
        if max_queue < 0:
            raise ValueError(f"max_queue must be at least 0, not {max_queue}")
        self._idle_timeout = idle_timeout
        self._max_queue = max_queue
        self._factory = resource_factory
        self._name = name
        self._numbers = itertools.count()
        self._own = threading.local()  # .resource, in the threads of this pool only
        self._cancelling = threading.RLock()  # again: a callback may shut us down

        self._lock = threading.Lock()  # for all that follows
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._min, self._max = min_workers, max_workers
        self._waiting: list[_Task[Any]] = []  # a heap
        self._threads: list[threading.Thread] = []  # to be joined
        self._workers = 0
        self._idle = 0
        self._peak = 0
        self._ended: dict[Outcome, int] = {"completed": 0, "failed": 0, "cancelled": 0}
        self._closed = False
        with self._lock:
            self._grow()

    def submit(
        self,
        fn: Callable[..., T],
        /,
        *args: Any,
        priority: int = 0,
        block: bool = True,
        **kwargs: Any,
    ) -> "Future[T]":
        """Have `fn(*args, **kwargs)` called by a worker; return its future.

        Args:
            fn: What to call.
            *args: Its arguments.
            priority: The lowest number goes first; equal ones in order of arrival.
            block: Whether to wait for room in a full queue.
            **kwargs: More arguments.

        Raises:
            queue.Full: If the queue is full and `block` is false.
            RuntimeError: If the pool is shut down, also while waiting for room.
        """
        call = partial(fn, *args, **kwargs)
        with self._lock:
            while self._is_full() and not self._closed:
                if not block:
                    raise queue.Full
                self._room.wait()
            if self._closed:
                raise RuntimeError("the pool is shut down")
            self._grow(coming=1)  # first: if no thread can be had, nothing was accepted
            task = _Task(priority, next(self._numbers), call)
            heapq.heappush(self._waiting, task)
            self._work.notify()
        return task.future

    def map(
        self, fn: Callable[..., T], *iterables: Iterable[Any], priority: int = 0
    ) -> Iterator[T]:
        """Submit a call for each set of items now; yield the results in their order.

        What a call raised is raised when its turn comes. Calls that nobody waits for
        any more are cancelled.
        """
        sets = zip(*iterables, strict=False)  # like the built-in map
        return _results(deque(self.submit(fn, *s, priority=priority) for s in sets))

    def resource(self) -> Any:
        """Return the resource of the worker that runs this task; None without factory.

        Raises:
            RuntimeError: If the caller is not a task of this pool.
        """
        own: _Resource | None = getattr(self._own, "resource", None)
        if own is None:
            raise RuntimeError("only a task of this pool has a resource")
        return own.value

    def resize(self, min_workers: int, max_workers: int) -> None:
        """Change the bounds. New workers start now; surplus ones go when idle.

        Raises:
            ValueError: If the bounds make no sense; nothing has changed then.
        """
        _refuse_bad_sizes(min_workers, max_workers)
        with self._lock:
            self._min, self._max = min_workers, max_workers
            self._grow()
            self._work.notify_all()
            self._room.notify_all()

    def stats(self) -> PoolStats:
        """Return a consistent picture of this moment."""
        with self._lock:
            return PoolStats(
                workers=self._workers,
                idle=self._idle,
                queued=len(self._waiting),
                peak_workers=self._peak,
                **self._ended,
            )

    def shutdown(self, wait: bool = True, *, cancel_pending: bool = False) -> None:  # noqa: FBT001, FBT002 - the contract's signature
        """Take no more tasks; what was accepted comes to its end.

        May be called again, from several threads, and from inside a task. A task does
        not wait here, as it would wait for itself.

        Args:
            wait: Whether to return only when all tasks have ended and all workers left.
            cancel_pending: Whether to cancel what has not begun, instead of running it.
        """
        with self._cancelling:  # whoever comes next finds all of these at their end
            for task in self._close(cancel_pending=cancel_pending):
                task.future.cancel()
                task.future.set_running_or_notify_cancel()  # tells as_completed()
        # Nobody joins the list any more: a closed pool hires no one.
        if wait and threading.current_thread() not in self._threads:
            for thread in self._threads:
                thread.join()

    def _close(self, *, cancel_pending: bool) -> "list[_Task[Any]]":
        """Let nothing in any more; return what waits, if it is to be cancelled."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
            self._room.notify_all()
            if not cancel_pending:
                return []
            pending, self._waiting = self._waiting, []
            self._ended["cancelled"] += len(pending)
            return pending

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        self.shutdown(cancel_pending=error_type is not None)

    # With the lock held.

    def _is_full(self) -> bool:
        """Whether one task more would wait for a worker, and may not."""
        in_line = len(self._waiting) - self._idle
        no_help = self._workers >= self._max
        return 0 < self._max_queue <= in_line and no_help

    def _grow(self, *, coming: int = 0) -> None:
        """Hire as many workers as the minimum and the waiting tasks ask for."""
        while not self._closed and self._workers < self._max:
            tasks = len(self._waiting) + coming
            if self._workers >= self._min and tasks <= self._idle:
                return
            self._hire()

    def _hire(self) -> None:
        # A daemon: a pool that was forgotten must not keep the program from ending.
        thread = threading.Thread(
            target=self._live, name=f"{self._name}-{next(self._numbers)}", daemon=True
        )
        thread.start()
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        self._workers += 1
        self._idle += 1
        self._peak = max(self._peak, self._workers)

    def _take(self) -> _Task[Any] | None:
        """Wait for the most urgent task; None says that the worker has retired."""
        retires_at = time.monotonic() + self._idle_timeout
        while self._workers <= self._max:
            if self._waiting:
                self._idle -= 1
                return heapq.heappop(self._waiting)
            left_s = retires_at - time.monotonic()
            surplus = self._workers > self._min
            if self._closed or (surplus and left_s <= 0):
                break
            self._work.wait(min(left_s, threading.TIMEOUT_MAX) if surplus else None)
        # Decided and done under one lock: no submit can count on this worker any more.
        self._idle -= 1
        self._workers -= 1
        self._room.notify_all()
        return None

    # In the worker's own thread.

    def _live(self) -> None:
        """Be a worker, from the first task to the resource's end."""
        resource = self._own.resource = _Resource(self._factory)
        while self._serve_one(resource):
            pass
        resource.close()

    def _serve_one(self, resource: _Resource) -> bool:
        """Take a task and run it; False when this worker is to go.

        A function of its own, so that an idle worker keeps no task alive.
        """
        with self._lock:
            task = self._take()
        if task is None:
            return False
        outcome = task.run(resource)
        with self._lock:
            self._ended[outcome] += 1
            self._idle += 1
            self._room.notify_all()
        return True


def _refuse_bad_sizes(min_workers: int, max_workers: int) -> None:
    if min_workers < 0 or max_workers < 1 or min_workers > max_workers:
        raise ValueError(
            "0 <= min_workers <= max_workers and 1 <= max_workers must hold, not"
            f" min_workers={min_workers}, max_workers={max_workers}"
        )


def _results(futures: "deque[Future[T]]") -> Iterator[T]:
    """Yield the results in order, letting go of each future; cancel what is left."""
    try:
        while futures:
            yield futures.popleft().result()
    finally:
        for future in futures:
            future.cancel()
