"""Exercise 10: a thread pool that grows, shrinks, and takes the most urgent task first.

Fill in the bodies. Keep the names and the signatures; add whatever else you need.
The promises your code is graded by are in the README beside this exercise.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future  # noqa: TC003
from dataclasses import dataclass
from typing import Any, Self, TypeVar

T = TypeVar("T")


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

    def __init__(  # noqa: PLR0913
        self,
        min_workers: int = 1,
        max_workers: int = 4,
        *,
        idle_timeout: float = 1.0,
        max_queue: int = 0,
        resource_factory: Callable[[], Any] | None = None,
        name: str = "pool",
    ) -> None:
        raise NotImplementedError

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
        raise NotImplementedError

    def map(
        self, fn: Callable[..., T], *iterables: Iterable[Any], priority: int = 0
    ) -> Iterator[T]:
        """Submit a call for each set of items now; yield the results in their order.

        What a call raised is raised when its turn comes.
        """
        raise NotImplementedError

    def resource(self) -> Any:
        """Return the resource of the worker that runs this task; None without factory.

        Raises:
            RuntimeError: If the caller is not a task of this pool.
        """
        raise NotImplementedError

    def resize(self, min_workers: int, max_workers: int) -> None:
        """Change the bounds. New workers start now; surplus ones go when idle.

        Raises:
            ValueError: If the bounds make no sense; nothing has changed then.
        """
        raise NotImplementedError

    def stats(self) -> PoolStats:
        """Return a consistent picture of this moment."""
        raise NotImplementedError

    def shutdown(self, wait: bool = True, *, cancel_pending: bool = False) -> None:  # noqa: FBT001, FBT002
        """Take no more tasks; what was accepted comes to its end.

        May be called again, from several threads, and from inside a task. A task does
        not wait here, as it would wait for itself.

        Args:
            wait: Whether to return only when all tasks have ended and all workers left.
            cancel_pending: Whether to cancel what has not begun, instead of running it.
        """
        raise NotImplementedError

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        """Shut down and wait; cancel what is pending if an exception is under way."""
        raise NotImplementedError
