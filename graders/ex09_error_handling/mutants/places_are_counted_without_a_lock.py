"""The threads that end count the free places without a lock.

Caught by: R2
"""

# ruff: noqa: ASYNC109, B905, BLE001, C901, D101, D102, D103, N818, PLR0913, PLR0915, SIM102

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

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
    slots = asyncio.BoundedSemaphore(limit)
    attempts = dict.fromkeys(jobs, 0)
    failed = asyncio.Event()
    ending = False

    async def once(name: str) -> Outcome[T]:
        attempts[name] += 1
        number = attempts[name]
        task = asyncio.ensure_future(_call(jobs[name]))
        try:
            done, _ = await asyncio.wait([task], timeout=timeout)
        finally:
            if not task.done():
                task.cancel()
                await _ended(task)
                if not task.cancelled():
                    task.exception()  # seen, also if nobody asks for it any more
        if not done and task.cancelled():
            return Outcome("timeout", attempts=number)
        if task.cancelled():
            return Outcome("cancelled", attempts=number)
        if task.exception() is not None:
            return Outcome("error", error=task.exception(), attempts=number)
        return Outcome("ok", task.result(), attempts=number)

    async def wrapper(name: str) -> Outcome[T]:
        try:
            while True:
                await slots.acquire()
                try:
                    outcome = await once(name)
                finally:
                    slots.release()
                heals = isinstance(outcome.error, retry_on)
                if not (heals or outcome.status == "timeout"):
                    break
                if attempts[name] > retries:
                    break
                await asyncio.sleep(backoff * 2 ** (attempts[name] - 1))
        except asyncio.CancelledError:
            if not ending:
                raise
            stopped: Status = "timeout" if attempts[name] else "cancelled"
            return Outcome(stopped, attempts=attempts[name])
        error = outcome.error
        if outcome.status == "error":
            if fail_fast or not isinstance(error, Exception):
                failed.set()
        return outcome

    wrappers = [asyncio.ensure_future(wrapper(name)) for name in jobs]
    everything = asyncio.ensure_future(_all_of(wrappers))
    signal = asyncio.ensure_future(failed.wait())
    try:
        await asyncio.wait(
            [everything, signal],
            timeout=deadline,
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        ending = True
        signal.cancel()
        for task in wrappers:
            if not task.done():
                task.cancel()
        await _ended(everything)
    outcomes = dict(zip(jobs, everything.result()))
    errors = [o.error for o in outcomes.values() if o.status == "error"]
    for error in errors:
        if not isinstance(error, Exception):
            raise error
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)
    return outcomes


async def _call(job: Callable[[], Awaitable[T]]) -> T:
    return await job()


async def _all_of(tasks: list[asyncio.Task[Outcome[T]]]) -> list[Outcome[T]]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def _ended(task: asyncio.Task) -> None:
    """Wait until the task is over, and be cancelled only then."""
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


class CancelToken:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._cancelled = False
        self._listeners: list[Callable[[], None]] = []

    def cancel(self) -> None:
        with self._condition:
            if self._cancelled:
                return
            self._cancelled = True
            self._condition.notify_all()
        for listener in self._listeners:
            listener()

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def wait(self, timeout: float | None = None) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self._cancelled, timeout)

    def raise_if_cancelled(self) -> None:
        if self._cancelled:
            raise JobCancelled

    def listen(self, listener: Callable[[], None]) -> None:
        with self._condition:
            if not self._cancelled:
                self._listeners.append(listener)
                return
        listener()

    def forget(self, listener: Callable[[], None]) -> None:
        with self._condition:
            self._listeners = [one for one in self._listeners if one is not listener]


class _Shared:
    """What the threads of one call share; every method holds the lock."""

    def __init__(self, jobs, workers, timeout, fail_fast) -> None:
        self.lock = threading.RLock()
        self.over = threading.Event()
        self.jobs, self.timeout, self.fail_fast = jobs, timeout, fail_fast
        self.outcomes = {name: Outcome("cancelled") for name in jobs}
        self.waiting = list(jobs)
        self.tokens: dict[str, CancelToken] = {}
        self.stopped: dict[str, Status] = {}
        self.timers: dict[str, threading.Timer] = {}
        self.threads: dict[str, threading.Thread] = {}
        self.free = workers
        self.fatal: BaseException | None = None

    def fill(self) -> None:
        while self.waiting and self.free > 0:
            name = self.waiting.pop(0)
            self.free -= 1
            self.tokens[name] = CancelToken()
            if self.timeout is not None:
                self.set_timer(name, self.timeout, self.stop, name, "timeout")
            thread = threading.Thread(target=self.work, args=[name], daemon=True)
            self.threads[name] = thread
            thread.start()
        if not self.tokens and not self.waiting:
            self.over.set()

    def set_timer(self, name, seconds, function, *args) -> None:
        if name in self.timers:
            self.timers.pop(name).cancel()
        timer = threading.Timer(seconds, function, args)
        timer.daemon = True
        self.timers[name] = timer
        timer.start()

    def work(self, name: str) -> None:
        try:
            outcome = Outcome("ok", self.jobs[name](self.tokens[name]), attempts=1)
        except JobCancelled as error:
            outcome = Outcome("cancelled", error=error, attempts=1)
        except BaseException as error:
            outcome = Outcome("error", error=error, attempts=1)
        self.end(name, outcome)

    def end(self, name: str, outcome: Outcome) -> None:
        with self.lock:
            if name not in self.tokens:
                return
            if name in self.stopped and outcome.status != "error":
                outcome = Outcome(self.stopped[name], attempts=1)
            self.outcomes[name] = outcome
            del self.tokens[name]
            self.free += 1
            if name in self.timers:
                self.timers.pop(name).cancel()
            if outcome.status == "error":
                if not isinstance(outcome.error, Exception):
                    self.fatal = self.fatal or outcome.error
                if self.fail_fast or self.fatal is not None:
                    self.stop_all("cancelled")
        self.fill()

    def stop(self, name: str, status: Status) -> None:
        with self.lock:
            if name in self.tokens and name not in self.stopped:
                self.stopped[name] = status
                self.set_timer(name, 0.5, self.write_off, name)
                self.tokens[name].cancel()

    def write_off(self, name: str) -> None:
        with self.lock:
            if name in self.tokens:
                self.threads.pop(name)
                self.end(name, Outcome("timeout", attempts=1))

    def stop_all(self, status: Status) -> None:
        with self.lock:
            self.waiting.clear()
            for name in list(self.tokens):
                self.stop(name, status)


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
    shared = _Shared(jobs, workers, timeout, fail_fast)

    def on_cancel() -> None:
        shared.stop_all("cancelled")

    token = cancel or CancelToken()
    token.listen(on_cancel)
    try:
        shared.fill()
        if not shared.over.wait(deadline):
            shared.stop_all("timeout")
            shared.over.wait()
    except BaseException:
        shared.stop_all("cancelled")
        shared.over.wait()
        raise
    finally:
        token.forget(on_cancel)
    for thread in list(shared.threads.values()):
        thread.join()
    if shared.fatal is not None:
        raise shared.fatal
    errors = [o.error for o in shared.outcomes.values() if o.status == "error"]
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)
    return dict(shared.outcomes)
