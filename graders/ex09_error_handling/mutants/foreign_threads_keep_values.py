"""As when a value is kept after a look, in threads that the engine does not schedule.

Caught by: R2
"""

# ruff: noqa: ASYNC109, BLE001, C901, D101, D102, D103, N818, PLR0913, PLR0915

import asyncio
import multiprocessing.dummy
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Status = Literal["ok", "error", "timeout", "cancelled"]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    status: Status
    value: T | None = None
    error: BaseException | None = None
    attempts: int = 0


class JobCancelled(Exception):
    pass


def _check(count: int, timeout: float | None, deadline: float | None) -> None:
    if count < 1:
        raise ValueError("at least one job must be allowed to run")
    if timeout is not None and timeout <= 0:
        raise ValueError("timeout must be positive")
    if deadline is not None and deadline <= 0:
        raise ValueError("deadline must be positive")


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
    _check(limit, timeout, deadline)
    if retries < 0:
        raise ValueError("retries must not be negative")
    slots = asyncio.Semaphore(limit)
    outcomes: dict[str, Outcome[T]] = {name: Outcome("cancelled") for name in jobs}

    async def attempt(job: Callable[[], Awaitable[T]], number: int) -> Outcome[T]:
        try:
            async with asyncio.timeout(timeout) as clock:
                return Outcome("ok", await job(), attempts=number)
        except TimeoutError as error:
            status: Status = "timeout" if clock.expired() else "error"
            return Outcome(status, error=error, attempts=number)
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():
                raise
            return Outcome("cancelled", attempts=number)
        except Exception as error:
            return Outcome("error", error=error, attempts=number)

    async def run(name: str, job: Callable[[], Awaitable[T]]) -> None:
        for number in range(1, retries + 2):
            async with slots:
                # What it is if the deadline comes before it ends.
                outcomes[name] = Outcome("timeout", attempts=number)
                outcome = await attempt(job, number)
            may_heal = outcome.status == "timeout" or isinstance(
                outcome.error, retry_on
            )
            if not may_heal or number > retries:
                break
            await asyncio.sleep(backoff * 2 ** (number - 1))
        outcomes[name] = outcome
        if fail_fast and outcome.status == "error":
            raise outcome.error

    try:
        async with asyncio.timeout(deadline) as call, asyncio.TaskGroup() as group:
            for name, job in jobs.items():
                group.create_task(run(name, job))
    except TimeoutError:
        if not call.expired():
            raise
    return outcomes


class CancelToken:
    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait(timeout)

    def raise_if_cancelled(self) -> None:
        if self._event.is_set():
            raise JobCancelled("the job was asked to stop")


@dataclass
class _Record:
    job: Callable[[CancelToken], Any]
    token: CancelToken
    thread: threading.Thread | None = None
    time_is_up: float | None = None
    stopped: Status | None = None
    given_up: float | None = None
    value: Any = None
    outcome: Outcome[Any] | None = None

    def stop(self, status: Status) -> None:
        if self.outcome is None and self.stopped is None:
            self.given_up = time.monotonic() + 0.5
            self.stopped = status
            self.token.cancel()


def run_all_threads(
    jobs: Mapping[str, Callable[[CancelToken], T]],
    *,
    workers: int = 4,
    timeout: float | None = None,
    deadline: float | None = None,
    fail_fast: bool = False,
    cancel: CancelToken | None = None,
) -> dict[str, Outcome[T]]:
    _check(workers, timeout, deadline)
    changed = threading.Condition()
    records = {name: _Record(job, CancelToken()) for name, job in jobs.items()}
    waiting = list(records.values())
    running: list[_Record] = []
    ends = None if deadline is None else time.monotonic() + deadline
    fatal: list[BaseException] = []

    def work(record: _Record) -> None:
        status: Status = "ok"
        error: BaseException | None = None
        try:
            value = record.job(record.token)
            if record.stopped is None:
                record.value = value
        except JobCancelled as raised:
            status, error = "cancelled", raised
        except BaseException as raised:
            status, error = "error", raised
        with changed:
            if record.outcome is None:
                if record.stopped is not None and status != "error":
                    status, error = record.stopped, None
                record.outcome = Outcome(status, record.value, error, 1)
            changed.notify_all()

    def stop_all(status: Status) -> None:
        for record in waiting:
            record.outcome = Outcome("cancelled")
        waiting.clear()
        for record in running:
            record.stop(status)

    def look() -> None:
        now = time.monotonic()
        if cancel is not None and cancel.cancelled:
            stop_all("cancelled")
        if ends is not None and now >= ends:
            stop_all("timeout")
        for record in list(running):
            if record.outcome is None and record.given_up is not None:
                if now >= record.given_up:
                    record.outcome = Outcome("timeout", attempts=1)
                    running.remove(record)
            elif record.outcome is not None:
                running.remove(record)
                error = record.outcome.error
                if error is not None and not isinstance(error, Exception):
                    fatal.append(error)
                    stop_all("cancelled")
                elif fail_fast and record.outcome.status == "error":
                    stop_all("cancelled")
            elif record.time_is_up is not None and now >= record.time_is_up:
                record.stop("timeout")

    def wait_s() -> float | None:
        moments = [ends] + [r.given_up or r.time_is_up for r in running]
        if cancel is not None:
            moments.append(time.monotonic() + 0.05)
        known = [moment for moment in moments if moment is not None]
        return max(0.0, min(known) - time.monotonic()) if known else None

    with changed:
        look()
        while waiting or running:
            while waiting and len(running) < workers:
                record = waiting.pop(0)
                running.append(record)
                if timeout is not None:
                    record.time_is_up = time.monotonic() + timeout
                record.thread = multiprocessing.dummy.Process(target=work, args=(record,))
                record.thread.daemon = True
                record.thread.start()
            if all(record.outcome is None for record in running):
                changed.wait(wait_s())
            look()
    outcomes = {name: record.outcome for name, record in records.items()}
    if fatal:
        raise fatal[0]
    errors = [o.error for o in outcomes.values() if o.status == "error"]
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)
    return outcomes
