"""Exercise 9: run many jobs at once, and know of each how it ended.

Fill in the bodies. Keep the names and the signatures; add whatever else you need.
The promises your code is graded by are in the README beside this exercise.
"""

# ruff: noqa: PLR0913, ASYNC109 - the parameters are the contract's

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Status = Literal["ok", "error", "timeout", "cancelled"]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How one job ended.

    Attributes:
        status: "ok", "error", "timeout" (its time was up) or "cancelled".
        value: What the job returned, if it is "ok".
        error: What the job raised, if it is "error": the very exception.
        attempts: How often the job was started; 0 if it never was.
    """

    status: Status
    value: T | None = None
    error: BaseException | None = None
    attempts: int = 0


async def run_all(
    jobs: Mapping[str, Callable[[], Awaitable[T]]],
    *,
    limit: int = 10,
    timeout: float | None = None,
    deadline: float | None = None,
    retries: int = 0,
    backoff: float = 0.1,
    retry_on: tuple[type[Exception], ...] = (OSError,),
    fail_fast: bool = False,
) -> dict[str, Outcome[T]]:
    """Run all jobs as coroutines and return an outcome for each, in their order.

    Args:
        jobs: Called without arguments, once for each attempt; what they return is awaited.
        limit: The most attempts that run at once, at least 1.
        timeout: Seconds for one attempt, from its start.
        deadline: Seconds for the whole call.
        retries: How often a job may be started again, after an exception of a kind in
            `retry_on` or after its timeout.
        backoff: Seconds to wait before the first retry; doubled for each further one.
        retry_on: Kinds of exceptions that may heal.
        fail_fast: Cancel the others as soon as a job has ended with an error, and raise.

    Raises:
        ValueError: If an argument makes no sense.
        ExceptionGroup: With all errors of the jobs, if `fail_fast` is set.
        asyncio.CancelledError: If the call was cancelled, after the jobs' clean-up.
        BaseException: What a job raised that is no Exception, such as KeyboardInterrupt.
    """
    raise NotImplementedError


class JobCancelled(Exception):  # noqa: N818 - the name is part of the contract
    """Raised in a job by `CancelToken.raise_if_cancelled`."""


class CancelToken:
    """Tells threads that they should stop. Once set, it stays set.

    Any thread may call any method at any time.
    """

    def __init__(self) -> None:
        raise NotImplementedError

    def cancel(self) -> None:
        """Set the token and wake all who wait for it; a second call does nothing."""
        raise NotImplementedError

    @property
    def cancelled(self) -> bool:
        """Whether the token is set."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the token is set, at most `timeout` seconds; return whether it is."""
        raise NotImplementedError

    def raise_if_cancelled(self) -> None:
        """Do nothing unless the token is set.

        Raises:
            JobCancelled: If it is.
        """
        raise NotImplementedError


def run_all_threads(
    jobs: Mapping[str, Callable[[CancelToken], T]],
    *,
    workers: int = 4,
    timeout: float | None = None,
    deadline: float | None = None,
    fail_fast: bool = False,
    cancel: CancelToken | None = None,
) -> dict[str, Outcome[T]]:
    """Run all jobs in threads and return an outcome for each, in their order.

    A thread cannot be killed. Each job gets a token of its own, which is set when the
    job should stop; it has half a second to do so. One that does not is left behind in
    its daemon thread, and its place is given to another.

    Args:
        jobs: Each is called once, with its token, in a thread.
        workers: The most jobs that run at once, at least 1.
        timeout: Seconds for one job, from its start.
        deadline: Seconds for the whole call.
        fail_fast: Stop the others as soon as a job has ended with an error, and raise.
        cancel: Stop everything when this token is set.

    Raises:
        ValueError: If an argument makes no sense.
        ExceptionGroup: With all errors of the jobs, if `fail_fast` is set.
        BaseException: What a job raised that is no Exception, such as KeyboardInterrupt.
    """
    raise NotImplementedError
