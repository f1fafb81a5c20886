"""A9.5: a few worker coroutines that share a deque; threads driven by an event loop.

`wait_for` limits each attempt. The second half is the first once more: what waits for a
job's thread is a future, and asyncio does the waiting, the timeouts and the rest.
"""

import asyncio
import threading
from collections import deque
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


class _Stop(Exception):
    """Ends a call early."""


async def _quietly(job: Callable[[], Awaitable[T]]) -> tuple[Status, Any]:
    """Run a job; what it raises is an answer, so that TimeoutError can only be ours."""
    try:
        return "ok", await job()
    except asyncio.CancelledError as error:
        if asyncio.current_task().cancelling():
            raise
        return "cancelled", error
    except Exception as error:
        return "error", error


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
    outcomes: dict[str, Outcome[T]] = {name: Outcome("cancelled") for name in jobs}
    todo = deque(jobs)

    async def attempt(name: str, number: int) -> bool:
        """Make one attempt; return whether another one may help."""
        outcomes[name] = Outcome("timeout", attempts=number)
        try:
            status, seen = await asyncio.wait_for(_quietly(jobs[name]), timeout)
        except TimeoutError:
            return True
        if status == "ok":
            outcomes[name] = Outcome("ok", seen, attempts=number)
        else:
            outcomes[name] = Outcome(status, error=seen, attempts=number)
        return isinstance(seen, retry_on) and status == "error"

    async def worker() -> None:
        while todo:
            name = todo.popleft()
            number = 1
            while await attempt(name, number) and number <= retries:
                outcomes[name] = Outcome("timeout", attempts=number)
                await asyncio.sleep(backoff * 2 ** (number - 1))
                number += 1
            if fail_fast and outcomes[name].status == "error":
                raise _Stop

    workers = [asyncio.create_task(worker()) for _ in range(min(limit, len(jobs)))]
    cancelled = None
    try:
        _, left = await asyncio.wait(
            workers, timeout=deadline, return_when=asyncio.FIRST_EXCEPTION
        )
    except asyncio.CancelledError as error:
        cancelled, left = error, {task for task in workers if not task.done()}
    for task in left:
        task.cancel()
    while left:
        try:
            _, left = await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
            left = {task for task in left if not task.done()}
    raised = [task.exception() for task in workers if not task.cancelled()]
    if cancelled is not None:
        raise cancelled
    for error in raised:
        if error is not None and not isinstance(error, _Stop):
            raise error
    errors = [o.error for o in outcomes.values() if o.status == "error"]
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)
    return outcomes


class CancelToken:
    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._heard: list[Callable[[], None]] = []

    def cancel(self) -> None:
        with self._lock:
            self._event.set()
            heard, self._heard = self._heard, []
        for call in heard:
            call()

    def when_cancelled(self, call: Callable[[], None]) -> None:
        with self._lock:
            if not self._event.is_set():
                self._heard.append(call)
                return
        call()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait(timeout)

    def raise_if_cancelled(self) -> None:
        if self._event.is_set():
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
    answers: dict[str, tuple[Status, Any]] = {}
    with asyncio.Runner() as runner:
        runner.run(_drive(jobs, answers, workers, timeout, deadline, fail_fast, cancel))
    outcomes = {}
    for name in jobs:
        status, seen = answers.get(name, ("cancelled", None))
        if status == "error":
            if not isinstance(seen, Exception):
                raise seen
            outcomes[name] = Outcome("error", error=seen, attempts=1)
        elif status == "ok":
            outcomes[name] = Outcome("ok", seen, attempts=1)
        else:
            outcomes[name] = Outcome(status, attempts=int(name in answers))
    errors = [o.error for o in outcomes.values() if o.status == "error"]
    if fail_fast and errors:
        raise ExceptionGroup("jobs failed", errors)
    return outcomes


async def _drive(jobs, answers, workers, timeout, deadline, fail_fast, cancel) -> None:
    loop = asyncio.get_running_loop()
    over = loop.create_future()  # its result is the status of what still runs

    def end_with(status: Status) -> None:
        if not over.done():
            over.set_result(status)

    def from_a_thread(call, *args) -> None:
        try:
            loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            pass  # the call is over, and its loop closed

    async def run(name: str) -> None:
        token, ended = CancelToken(), loop.create_future()

        def tell(answer: tuple[Status, Any]) -> None:
            if not ended.done():
                ended.set_result(answer)

        def work() -> None:
            try:
                answer = "ok", jobs[name](token)
            except JobCancelled as error:
                answer = "cancelled", error
            except BaseException as error:
                answer = "error", error
            from_a_thread(tell, answer)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        await asyncio.wait(
            [ended, over], timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        if ended.done():
            answers[name] = ended.result()
        else:
            status = over.result() if over.done() else "timeout"
            token.cancel()
            await asyncio.wait([ended], timeout=0.5)
            if not ended.done():
                answers[name] = "timeout", None
                return
            late = ended.result()
            answers[name] = late if late[0] == "error" else (status, None)
        thread.join()
        status, seen = answers[name]
        if status == "error" and (fail_fast or not isinstance(seen, Exception)):
            end_with("cancelled")

    async def worker(todo: deque[str]) -> None:
        while todo and not over.done():
            await run(todo.popleft())

    if cancel is not None:
        if cancel.cancelled:
            return
        cancel.when_cancelled(lambda: from_a_thread(end_with, "cancelled"))
    timer = deadline and loop.call_later(deadline, end_with, "timeout")
    todo = deque(jobs)
    try:
        await asyncio.gather(*(worker(todo) for _ in range(workers)))
    finally:
        end_with("cancelled")
        if timer:
            timer.cancel()
