"""With fail_fast the tokens are set, and the group is raised without waiting for the threads.

Caught by: X3
"""

# ruff: noqa: PLR0913, ASYNC109 - the parameters are the contract's

import asyncio
import contextlib
import math
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Status = Literal["ok", "error", "timeout", "cancelled"]

GRACE_S = 0.5  # for a thread to end after its token was set


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


# Coroutines.


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
        limit: The most attempts that run at once, at least 1. A job that waits for its
            next attempt does not count.
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
    _must_be_positive(limit=limit, timeout=timeout, deadline=deadline)
    if retries < 0:
        raise ValueError(f"retries must be at least 0, not {retries}")
    if not jobs:
        return {}
    rules = _Rules(
        slots=asyncio.Semaphore(limit),
        timeout=timeout,
        retries=retries,
        backoff=backoff,
        retry_on=retry_on,
        fail_fast=fail_fast,
    )
    runs = {name: _Run(job, rules) for name, job in jobs.items()}
    tasks = [asyncio.create_task(run.to_its_end()) for run in runs.values()]
    try:
        # Only what ends the call early is raised in a task.
        await asyncio.wait(tasks, timeout=deadline, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        rules.over = True
        raised = await _end(tasks)
    _raise_fatal_or_group(raised)
    return {name: run.outcome for name, run in runs.items()}


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> list[BaseException]:
    """Cancel the tasks that still run and wait for them; return what tasks raised.

    A cancellation of the caller waits too, until nothing runs any more. The tasks hear
    of it only once: a second CancelledError would cut their clean-up short.
    """
    cancelled: asyncio.CancelledError | None = None
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    while running:
        try:
            _, running = await asyncio.wait(running)
        except asyncio.CancelledError as error:
            cancelled = error
            running = {task for task in running if not task.done()}
    # Asked for in any case: asyncio complains about errors that nobody looked at.
    raised = [task.exception() for task in tasks if not task.cancelled()]
    if cancelled is not None:
        raise cancelled
    return [error for error in raised if error is not None]


def _raise_fatal_or_group(raised: Iterable[BaseException]) -> None:
    """Raise what is no Exception as it is, and errors together."""
    errors = []
    for error in raised:
        if not isinstance(error, Exception):
            raise error
        errors.append(error)
    if errors:
        raise ExceptionGroup("jobs failed", errors)


@dataclass
class _Rules:
    """What holds for all jobs of one call."""

    slots: asyncio.Semaphore
    timeout: float | None
    retries: int
    backoff: float
    retry_on: tuple[type[Exception], ...]
    fail_fast: bool
    over: bool = False  # set when the call ends, before it cancels anybody

    def allow_another(self, last: Outcome[Any]) -> bool:
        """Whether a job may be tried again after this attempt."""
        if self.over or last.attempts > self.retries:
            return False
        return last.status == "timeout" or isinstance(last.error, self.retry_on)


class _Run(Generic[T]):
    """One job of `run_all` and how far it has come."""

    def __init__(self, job: Callable[[], Awaitable[T]], rules: _Rules) -> None:
        self._job, self._rules = job, rules
        self._attempts = 0
        self._last: Outcome[T] | None = None

    @property
    def outcome(self) -> Outcome[T]:
        """How it ended; a job that was stopped, maybe before its first step, says so."""
        if self._last is not None:
            return self._last
        stopped: Status = "timeout" if self._attempts else "cancelled"
        return Outcome(stopped, attempts=self._attempts)

    async def to_its_end(self) -> None:
        """Try as often as the rules allow.

        Raises:
            Exception: The last error, if it is to end the whole call.
        """
        rules = self._rules
        while True:
            async with rules.slots:
                last = await self._attempt()
            if not rules.allow_another(last):
                break
            await asyncio.sleep(rules.backoff * 2 ** (self._attempts - 1))
        self._last = last
        if rules.fail_fast and last.status == "error" and last.error is not None:
            raise last.error

    async def _attempt(self) -> Outcome[T]:
        self._attempts += 1
        try:
            async with asyncio.timeout(self._rules.timeout) as time_limit:
                value = await self._job()
        except asyncio.CancelledError as error:
            if self._rules.over:
                raise
            # Nobody has asked for it: it is the job's own.
            return Outcome("cancelled", error=error, attempts=self._attempts)
        except Exception as error:  # noqa: BLE001 - whatever a job raises is its outcome
            ours = isinstance(error, TimeoutError) and time_limit.expired()
            status: Status = "timeout" if ours else "error"
            return Outcome(status, error=error, attempts=self._attempts)
        return Outcome("ok", value, attempts=self._attempts)


# Threads.


class JobCancelled(Exception):  # noqa: N818 - the name is part of the contract
    """Raised in a job by `CancelToken.raise_if_cancelled`."""


class CancelToken:
    """Tells threads that they should stop. Once set, it stays set.

    Any thread may call any method at any time.
    """

    def __init__(self) -> None:
        self._set = threading.Event()
        self._lock = threading.Lock()
        self._to_call: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Set the token and wake all who wait for it; a second call does nothing."""
        with self._lock:
            self._set.set()
            to_call, self._to_call = self._to_call, []
        for call in to_call:
            call()

    @property
    def cancelled(self) -> bool:
        """Whether the token is set."""
        return self._set.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the token is set, at most `timeout` seconds; return whether it is."""
        return self._set.wait(timeout)

    def raise_if_cancelled(self) -> None:
        """Do nothing unless the token is set.

        Raises:
            JobCancelled: If it is.
        """
        if self.cancelled:
            raise JobCancelled

    @contextlib.contextmanager
    def _calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Call `call` when the token is set, at the latest when the block ends."""
        with self._lock:
            waits = not self._set.is_set()
            if waits:
                self._to_call.append(call)
        if not waits:
            call()
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._to_call.remove(call)


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
    _must_be_positive(workers=workers, timeout=timeout, deadline=deadline)
    call = _ThreadCall(jobs.values(), workers=workers, timeout=timeout)
    with (cancel or CancelToken())._calling(call.please_stop):  # noqa: SLF001 - one design
        call.run(deadline=deadline, fail_fast=fail_fast)
    return dict(zip(jobs, call.outcomes(), strict=True))


def _must_be_positive(**arguments: float | None) -> None:
    for name, value in arguments.items():
        if value is not None and value <= 0:
            raise ValueError(f"{name} must be positive, not {value}")


_Letter = tuple["_Thread[T]", T | None, BaseException | None]


class _Thread(Generic[T]):
    """One job of `run_all_threads`. Its own thread runs `_work`, the caller's the rest."""

    def __init__(
        self,
        job: Callable[[CancelToken], T],
        letters: "queue.SimpleQueue[_Letter[T] | None]",
    ) -> None:
        self._job, self._letters = job, letters
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._token = CancelToken()
        self.stopped: Status | None = None  # why the token was set, if it was
        self.due = math.inf  # when its time is up; once stopped, when its grace is
        self.outcome: Outcome[T] = Outcome("cancelled")

    def start(self, timeout: float | None) -> None:
        """Begin, and note when its time will be up."""
        if timeout is not None:
            self.due = monotonic() + timeout
        self._thread.start()

    def stop(self, status: Status) -> None:
        """Ask the job to end; the reason becomes its status."""
        self.stopped, self.due = status, monotonic() + GRACE_S
        self._token.cancel()

    def end(self, value: T | None, error: BaseException | None) -> None:
        """Note how it ended."""
        self._thread.join()  # writing the letter was the last thing it did
        if error is not None and not isinstance(error, JobCancelled):
            self.outcome = Outcome("error", error=error, attempts=1)
        elif self.stopped is not None:  # in time or not, it was stopped
            self.outcome = Outcome(self.stopped, attempts=1)
        elif error is not None:
            self.outcome = Outcome("cancelled", error=error, attempts=1)
        else:
            self.outcome = Outcome("ok", value, attempts=1)

    def abandon(self) -> None:
        """Note that it does not end; its thread is left to itself."""
        self.outcome = Outcome("timeout", attempts=1)

    def _work(self) -> None:
        value, error = None, None
        try:
            value = self._job(self._token)
        except BaseException as raised:  # noqa: BLE001 - the caller's thread decides
            error = raised
        self._letters.put((self, value, error))


class _ThreadCall(Generic[T]):
    """One call of `run_all_threads`: all of it but `please_stop` in the caller's thread."""

    def __init__(
        self,
        jobs: Iterable[Callable[[CancelToken], T]],
        *,
        workers: int,
        timeout: float | None,
    ) -> None:
        self._letters: queue.SimpleQueue[_Letter[T] | None] = queue.SimpleQueue()
        self._threads = [_Thread(job, self._letters) for job in jobs]
        self._waiting = deque(self._threads)
        self._running: list[_Thread[T]] = []
        self._workers, self._timeout = workers, timeout
        self._ends_at = math.inf
        self._fail_fast = False

    def please_stop(self) -> None:
        """Ask, from any thread, that all jobs be cancelled."""
        self._letters.put(None)

    def outcomes(self) -> list[Outcome[T]]:
        """Return how the jobs ended, in their order."""
        return [thread.outcome for thread in self._threads]

    def run(self, *, deadline: float | None, fail_fast: bool) -> None:
        """Run the jobs; return when none is running that would end.

        Raises:
            ExceptionGroup: With all errors, if `fail_fast` is set.
            BaseException: What a job raised that is no Exception.
        """
        self._fail_fast = fail_fast
        if deadline is not None:
            self._ends_at = monotonic() + deadline
        try:
            self._work_off()
        except BaseException:  # Ctrl-C, say; the jobs have to stop all the same
            self._stop_all("cancelled")
            self._work_off()
            raise
        errors = [outcome.error for outcome in self.outcomes()]
        _raise_fatal_or_group(
            error for error in errors if error is not None and self._ends_all(error)
        )

    def _ends_all(self, error: BaseException | None) -> bool:
        """Whether what a job raised ends the whole call."""
        if error is None or isinstance(error, JobCancelled):
            return False
        return self._fail_fast or not isinstance(error, Exception)

    def _work_off(self) -> None:
        while self._waiting or self._running:
            self._start_some()
            try:
                letter = self._letters.get(timeout=self._seconds_until_due())
            except queue.Empty:
                self._look_at_the_clock()
            else:
                self._read(letter)

    def _start_some(self) -> None:
        """Fill the free places; letters first, for one may say that all is over."""
        while (
            self._waiting
            and len(self._running) < self._workers
            and self._letters.empty()
        ):
            self._running.append(self._waiting.popleft())
            self._running[-1].start(self._timeout)

    def _seconds_until_due(self) -> float | None:
        due = min([self._ends_at, *(thread.due for thread in self._running)])
        return None if due == math.inf else max(0.0, due - monotonic())

    def _read(self, letter: _Letter[T] | None) -> None:
        if letter is None:
            self._stop_all("cancelled")
            return
        thread, value, error = letter
        if thread not in self._running:
            return  # it ends after all, but nobody waits for it any more
        self._running.remove(thread)
        thread.end(value, error)
        if self._ends_all(error):
            self._stop_all("cancelled")
            self._running.clear()

    def _look_at_the_clock(self) -> None:
        now = monotonic()
        if now >= self._ends_at:
            self._ends_at = math.inf
            self._stop_all("timeout")
        for thread in [thread for thread in self._running if now >= thread.due]:
            if thread.stopped is None:
                thread.stop("timeout")
            else:
                thread.abandon()
                self._running.remove(thread)

    def _stop_all(self, status: Status) -> None:
        """Stop what runs and is not stopped yet; what waits keeps its first outcome."""
        self._waiting.clear()
        for thread in self._running:
            if thread.stopped is None:
                thread.stop(status)
