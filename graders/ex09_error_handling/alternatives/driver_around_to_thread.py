"""A9.5: an asyncio driver around to_thread, with tokens; a task for each coroutine.

In the second half a coroutine waits for each thread, so that both halves use the same
tools: a semaphore, `asyncio.wait`, and one event or future that says it is over.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Status = Literal["ok", "error", "timeout", "cancelled"]

GRACE = 0.5


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
        raise ValueError(f"{count} at once is too few")
    for seconds in (timeout, deadline):
        if seconds is not None and seconds <= 0:
            raise ValueError(f"{seconds} seconds are too few")


def _raise_errors(outcomes: dict[str, Outcome[T]], fail_fast: bool) -> None:
    errors = [o.error for o in outcomes.values() if o.status == "error"]
    for error in errors:
        if not isinstance(error, Exception):
            raise error
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)


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
    if not jobs:
        return {}
    slots = asyncio.Semaphore(limit)
    over = asyncio.Event()
    outcomes: dict[str, Outcome[T]] = {}
    attempts = dict.fromkeys(jobs, 0)

    async def attempt(name: str) -> Outcome[T]:
        attempts[name] += 1
        number = attempts[name]
        clock = asyncio.timeout(timeout)
        try:
            async with clock:
                return Outcome("ok", await jobs[name](), attempts=number)
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():
                raise  # the whole call ends, and this job with it
            return Outcome("cancelled", attempts=number)
        except TimeoutError as error:
            if clock.expired():
                return Outcome("timeout", attempts=number)
            return Outcome("error", error=error, attempts=number)
        except BaseException as error:
            return Outcome("error", error=error, attempts=number)

    async def run(name: str) -> None:
        while True:
            async with slots:
                outcome = await attempt(name)
            heals = outcome.status == "timeout" or isinstance(outcome.error, retry_on)
            if not heals or attempts[name] > retries or over.is_set():
                break
            await asyncio.sleep(backoff * 2 ** (attempts[name] - 1))
        outcomes[name] = outcome
        fatal = fail_fast or not isinstance(outcome.error, Exception)
        if len(outcomes) == len(jobs) or (outcome.status == "error" and fatal):
            over.set()

    tasks = [asyncio.create_task(run(name)) for name in jobs]
    try:
        async with asyncio.timeout(deadline):
            await over.wait()
    except TimeoutError:
        pass  # what has no outcome by now gets one below
    finally:
        over.set()
        await _cancel_and_wait(tasks)
    for name in jobs:
        stopped: Status = "timeout" if attempts[name] else "cancelled"
        outcomes.setdefault(name, Outcome(stopped, attempts=attempts[name]))
    _raise_errors(outcomes, fail_fast)
    return {name: outcomes[name] for name in jobs}


async def _cancel_and_wait(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel the tasks once; being cancelled meanwhile changes nothing for them."""
    cancelled = None
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    while running:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as error:
            cancelled = error
        running = {task for task in running if not task.done()}
    if cancelled is not None:
        raise cancelled


class CancelToken:
    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def add_callback(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait(timeout)

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise JobCancelled("the job was asked to stop")


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
    if not jobs:
        return {}
    # asyncio.run would wait for the threads of to_thread, also for one that is stuck.
    loop = asyncio.new_event_loop()
    pool = ThreadPoolExecutor(max_workers=len(jobs))
    loop.set_default_executor(pool)
    driver = _Driver(jobs, workers, timeout, fail_fast)
    main = loop.create_task(driver.drive(deadline, cancel))
    try:
        loop.run_until_complete(main)
    except BaseException:
        main.cancel()
        loop.run_until_complete(asyncio.wait([main]))
        raise
    finally:
        pool.shutdown(wait=not driver.stuck)
        loop.close()
    outcomes = {name: driver.outcomes[name] for name in jobs}
    _raise_errors(outcomes, fail_fast)
    return outcomes


def _call(job: Callable[[CancelToken], T], token: CancelToken) -> Outcome[T]:
    """What to_thread runs: it returns whatever happens, so that nothing can get lost."""
    try:
        return Outcome("ok", job(token), attempts=1)
    except JobCancelled as error:
        return Outcome("cancelled", error=error, attempts=1)
    except BaseException as error:
        return Outcome("error", error=error, attempts=1)


class _Driver:
    """Waits for threads in coroutines; everything here happens in the loop's thread."""

    def __init__(self, jobs, workers, timeout, fail_fast) -> None:
        self.jobs, self.timeout, self.fail_fast = jobs, timeout, fail_fast
        self.slots = asyncio.Semaphore(workers)
        self.outcomes: dict[str, Outcome] = {}
        self.stuck = False

    async def drive(self, deadline: float | None, cancel: CancelToken | None) -> None:
        loop = asyncio.get_running_loop()
        # Its result is the status of what is stopped.
        self.over: asyncio.Future[Status] = loop.create_future()
        if deadline is not None:
            loop.call_later(deadline, self.end, "timeout")
        if cancel is not None:
            cancel.add_callback(lambda: self.end_from_outside(loop))
            if cancel.cancelled:
                self.end("cancelled")
        await asyncio.gather(*(self.run(name) for name in self.jobs))

    def end(self, status: Status) -> None:
        if not self.over.done():
            self.over.set_result(status)

    def end_from_outside(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self.end, "cancelled")
        except RuntimeError:
            pass  # the call has returned, and its loop is closed

    async def run(self, name: str) -> None:
        async with self.slots:
            if self.over.done():
                self.outcomes[name] = Outcome("cancelled")
                return
            outcome = self.outcomes[name] = await self.in_thread(self.jobs[name])
            if outcome.status == "error":
                if self.fail_fast or not isinstance(outcome.error, Exception):
                    self.end("cancelled")

    async def in_thread(self, job: Callable[[CancelToken], T]) -> Outcome[T]:
        token = CancelToken()
        thread = asyncio.create_task(asyncio.to_thread(_call, job, token))
        try:
            await asyncio.wait(
                [thread, self.over],
                timeout=self.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if thread.done():
                return thread.result()
            status = self.over.result() if self.over.done() else "timeout"
            token.cancel()
            await asyncio.wait([thread], timeout=GRACE)
            if thread.done() and thread.result().status == "error":
                return thread.result()
            if thread.done():
                return Outcome(status, attempts=1)
            return Outcome("timeout", attempts=1)
        finally:
            if not thread.done():
                self.stuck = True
                token.cancel()
                thread.cancel()
