"""Jobs that are overdue are cancelled and awaited one after the other.

Caught by: S3
"""

# ruff: noqa: ASYNC109, C901, D101, D102, D103, N818, PLR0912, PLR0913, PLR0915

import asyncio
import concurrent.futures
import itertools
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


@dataclass
class _Job:
    name: str
    call: Callable[..., Any]
    attempts: int = 0
    ready_at: float = 0.0
    time_is_up: float | None = None
    stopped: Status | None = None
    outcome: Outcome[Any] | None = None


def _positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and value <= 0:
            raise ValueError(f"{name} must be positive")


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
    _positive(limit=limit, timeout=timeout, deadline=deadline)
    if retries < 0:
        raise ValueError("retries must not be negative")
    now = asyncio.get_running_loop().time
    ends = None if deadline is None else now() + deadline
    waiting = [_Job(name, call) for name, call in jobs.items()]
    running: dict[asyncio.Task[T], _Job] = {}
    finished: dict[str, Outcome[T]] = {}

    def take_in(task: asyncio.Task[T], job: _Job) -> None:
        number = job.attempts
        if task.cancelled():
            outcome = Outcome(job.stopped or "cancelled", attempts=number)
        elif (error := task.exception()) is not None:
            outcome = Outcome("error", error=error, attempts=number)
        else:
            outcome = Outcome("ok", task.result(), attempts=number)
        may_heal = outcome.status == "timeout" or isinstance(outcome.error, retry_on)
        if may_heal and number <= retries and (ends is None or now() < ends):
            job.ready_at = now() + backoff * 2 ** (number - 1)
            job.time_is_up = job.stopped = None
            waiting.append(job)
        else:
            finished[job.name] = outcome

    async def attempt(job: _Job) -> T:
        return await job.call()

    def start() -> None:
        ready = [job for job in waiting if job.ready_at <= now()]
        for job in ready[: limit - len(running)]:
            waiting.remove(job)
            job.attempts += 1
            if timeout is not None:
                job.time_is_up = now() + timeout
            running[asyncio.create_task(attempt(job))] = job

    def next_moment() -> float | None:
        moments = [job.time_is_up for job in running.values() if job.stopped is None]
        if len(running) < limit:
            moments += [job.ready_at for job in waiting]
        known = [moment for moment in [ends, *moments] if moment is not None]
        return max(0.0, min(known) - now()) if known else None

    async def stop(status: Status) -> None:
        for task, job in running.items():
            if job.stopped is None:
                job.stopped = status
                task.cancel()
        interrupted = None
        while alive := [task for task in running if not task.done()]:
            try:
                await asyncio.wait(alive)
            except asyncio.CancelledError as error:
                interrupted = error
        for task in running:
            if not task.cancelled():
                task.exception()  # seen
        if interrupted is not None:
            raise interrupted

    failed = False
    try:
        while (waiting or running) and not failed:
            start()
            if running:
                done, _ = await asyncio.wait(
                    running, timeout=next_moment(), return_when=asyncio.FIRST_COMPLETED
                )
            else:
                done = set()
                await asyncio.sleep(next_moment() or 0)
            if ends is not None and now() >= ends:
                break
            for task in done:
                job = running.pop(task)
                take_in(task, job)
                outcome = finished.get(job.name)
                if outcome is not None and outcome.status == "error":
                    fatal = not isinstance(outcome.error, Exception)
                    failed = failed or fail_fast or fatal
            for task, job in running.items():
                up = job.time_is_up is not None and now() >= job.time_is_up
                if up and job.stopped is None:
                    job.stopped = "timeout"
                    task.cancel()
                    await asyncio.wait([task])
    finally:
        await stop("cancelled" if failed else "timeout")
    ended = ends is not None and now() >= ends
    for task, job in list(running.items()):
        take_in(task, job)
    for job in waiting:
        status = "timeout" if ended and job.attempts else "cancelled"
        finished[job.name] = Outcome(status, attempts=job.attempts)
    errors = [o.error for o in finished.values() if o.status == "error"]
    for error in errors:
        if not isinstance(error, Exception):
            raise error
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)
    return {name: finished[name] for name in jobs}


class CancelToken:
    def __init__(self) -> None:
        self._future: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._once = threading.Lock()

    def cancel(self) -> None:
        with self._once:
            if not self._future.done():
                self._future.set_result(None)

    @property
    def cancelled(self) -> bool:
        return self._future.done()

    def wait(self, timeout: float | None = None) -> bool:
        concurrent.futures.wait([self._future], timeout)
        return self._future.done()

    def raise_if_cancelled(self) -> None:
        if self._future.done():
            raise JobCancelled

    @property
    def future(self) -> "concurrent.futures.Future[None]":
        return self._future


def run_all_threads(
    jobs: Mapping[str, Callable[[CancelToken], T]],
    *,
    workers: int = 4,
    timeout: float | None = None,
    deadline: float | None = None,
    fail_fast: bool = False,
    cancel: CancelToken | None = None,
) -> dict[str, Outcome[T]]:
    _positive(workers=workers, timeout=timeout, deadline=deadline)
    now = time.monotonic
    ends = None if deadline is None else now() + deadline
    waiting = [_Job(name, call) for name, call in jobs.items()]
    running: dict[concurrent.futures.Future[T], _Job] = {}
    tokens: dict[str, CancelToken] = {name: CancelToken() for name in jobs}
    outcomes: dict[str, Outcome[T]] = {name: Outcome("cancelled") for name in jobs}
    stop_signal = (cancel or CancelToken()).future
    fatal: BaseException | None = None

    def stop(job: _Job, status: Status) -> None:
        if job.stopped is None:
            job.stopped = status
            job.time_is_up = now() + 0.5
            tokens[job.name].cancel()

    def stop_all(status: Status) -> None:
        waiting.clear()
        for job in running.values():
            stop(job, status)

    def outcome_of(future: "concurrent.futures.Future[T]", job: _Job) -> Outcome[T]:
        error = future.exception()
        if error is not None and not isinstance(error, JobCancelled):
            return Outcome("error", error=error, attempts=1)
        if job.stopped is not None:
            return Outcome(job.stopped, attempts=1)
        if error is not None:
            return Outcome("cancelled", error=error, attempts=1)
        return Outcome("ok", future.result(), attempts=1)

    pool = concurrent.futures.ThreadPoolExecutor(max(1, len(jobs)))
    try:
        while waiting or running:
            heard = stop_signal.done()
            if heard:
                stop_all("cancelled")
            for job in list(itertools.islice(waiting, workers - len(running))):
                waiting.remove(job)
                if timeout is not None:
                    job.time_is_up = now() + timeout
                running[pool.submit(job.call, tokens[job.name])] = job
            moments = [ends, *(job.time_is_up for job in running.values())]
            known = [moment for moment in moments if moment is not None]
            done, _ = concurrent.futures.wait(
                [*running, *([] if heard else [stop_signal])],
                timeout=max(0.0, min(known) - now()) if known else None,
                return_when=concurrent.futures.FIRST_COMPLETED,
            )
            for future in done & running.keys():
                job = running.pop(future)
                outcome = outcomes[job.name] = outcome_of(future, job)
                if outcome.status == "error":
                    if not isinstance(outcome.error, Exception):
                        fatal = fatal or outcome.error
                    if fail_fast or fatal:
                        stop_all("cancelled")
            if ends is not None and now() >= ends:
                ends = None
                stop_all("timeout")
            for future, job in list(running.items()):
                if job.time_is_up is not None and now() >= job.time_is_up:
                    if job.stopped is None:
                        stop(job, "timeout")
                    else:
                        outcomes[job.name] = Outcome("timeout", attempts=1)
                        del running[future]
    finally:
        for token in tokens.values():
            token.cancel()
        pool.shutdown(wait=False, cancel_futures=True)
    if fatal is not None:
        raise fatal
    errors = [o.error for o in outcomes.values() if o.status == "error"]
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)
    return outcomes
