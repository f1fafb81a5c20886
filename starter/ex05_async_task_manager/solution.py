"""Exercise 5: an asyncio task manager with priorities, limits and cancellation.

Fill in the bodies. Keep the names and the signatures; add whatever else you need.
The promises your code is graded by are in the README beside this exercise.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, Self, TypeVar

T = TypeVar("T")
Status = Literal["pending", "running", "done", "failed", "cancelled"]


class TaskCancelled(Exception):  # noqa: N818 - the name is part of the contract
    """Raised by `TaskHandle.result` when the task was cancelled.

    It is not `asyncio.CancelledError`: that one would tell whoever asks for the
    result that *they* are being cancelled.
    """


class TaskHandle(Generic[T]):
    """One submitted task. `TaskManager.submit` creates it; nobody else does.

    Its constructor is yours to design.
    """

    id: int
    name: str
    priority: int

    @property
    def status(self) -> Status:
        """Where the task stands at this very moment."""
        raise NotImplementedError

    def cancel(self) -> bool:
        """Ask the task to stop; False when it has already finished.

        A pending task never starts. A running one gets a CancelledError, and keeps
        its slot and its status until its clean-up is over.
        """
        raise NotImplementedError

    async def result(self) -> T:
        """Wait for the end and return the task's value, as often as it is asked for.

        Raises:
            TaskCancelled: If the task was cancelled.
            TimeoutError: If it ran longer than its timeout.
            BaseException: Whatever the task itself raised.
        """
        raise NotImplementedError


class TaskManager:
    """Runs submitted tasks, the most urgent first, at most `max_concurrent` at once.

    It may be created before an event loop runs.

    Args:
        max_concurrent: The number of slots, at least 1.

    Raises:
        ValueError: If `max_concurrent` is below 1.
    """

    def __init__(self, max_concurrent: int = 4) -> None:
        raise NotImplementedError

    def submit(
        self,
        fn: Callable[..., Awaitable[T]],
        *args: Any,
        priority: int = 0,
        name: str | None = None,
        timeout: float | None = None,
    ) -> TaskHandle[T]:
        """Queue `fn(*args)` and return its handle at once.

        Args:
            fn: Called with `args` when the task starts; what it returns is awaited.
            args: Positional arguments for `fn`.
            priority: Lower is more urgent; equal priorities keep their order.
            name: For humans; choose one when it is not given.
            timeout: Seconds from the task's start, not from now.

        Raises:
            RuntimeError: If the manager was shut down.
            TypeError: If `fn` cannot be called.
            ValueError: If `timeout` is zero or negative.
        """
        raise NotImplementedError

    def stats(self) -> dict[Status, int]:
        """Count the tasks submitted so far by status; all five keys are there."""
        raise NotImplementedError

    async def join(self) -> None:
        """Wait until nothing is pending or running.

        Cancelling the wait leaves the tasks alone.
        """
        raise NotImplementedError

    async def shutdown(self, *, cancel: bool = False) -> None:
        """Refuse new tasks and wait until those submitted have ended.

        Safe to call again, also with another `cancel`.

        Args:
            cancel: Cancel what is pending or running instead of finishing it, and
                wait for its clean-up.
        """
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """Return the manager itself."""
        raise NotImplementedError

    async def __aexit__(self, *exc: object) -> None:
        """Finish all tasks, or cancel them if the body raised or was cancelled.

        Either way no task is left when the block has been left, and the exception
        goes on.
        """
        raise NotImplementedError
