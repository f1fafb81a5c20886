"""as_completed with the deadline; worker threads that pull jobs, and a caller who watches.

The caller sleeps until something happens, and looks after the clocks. A worker whose job
is given up finds out when the job ends, and goes; another one has its place by then.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
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
    if limit < 1 or retries < 0:
        raise ValueError("limit must be at least 1 and retries at least 0")
    if any(seconds is not None and seconds <= 0 for seconds in (timeout, deadline)):
        raise ValueError("timeout and deadline must be positive")
    outcomes = {name: Outcome("cancelled") for name in jobs}
    free = asyncio.Queue()
    for slot in range(limit):
        free.put_nowait(slot)
    stopping = False

    async def attempt(name: str, number: int) -> Outcome[T]:
        clock = asyncio.timeout(timeout)
        try:
            async with clock:
                outcome = Outcome("ok", await jobs[name]())
        except asyncio.CancelledError:
            if stopping:
                raise
            outcome = Outcome("cancelled")
        except Exception as error:
            late = clock.expired() and isinstance(error, TimeoutError)
            outcome = Outcome("timeout") if late else Outcome("error", error=error)
        return replace(outcome, attempts=number)

    async def run(name: str) -> str:
        pause = backoff
        for number in range(1, retries + 2):
            slot = await free.get()
            outcomes[name] = Outcome("timeout", attempts=number)  # if stopped now
            try:
                outcome = await attempt(name, number)
            finally:
                free.put_nowait(slot)
            if outcome.status != "timeout" and not isinstance(outcome.error, retry_on):
                break
            if number <= retries:
                await asyncio.sleep(pause)
                pause *= 2
        outcomes[name] = outcome
        return name

    tasks = [asyncio.create_task(run(name)) for name in jobs]
    try:
        for following in asyncio.as_completed(tasks, timeout=deadline):
            name = await following
            if fail_fast and outcomes[name].status == "error":
                break
    except TimeoutError:
        pass  # the deadline: a job's own TimeoutError does not get here
    finally:
        stopping = True
        for task in tasks:
            task.cancel()
        interruption = None
        while not all(task.done() for task in tasks):
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError as error:
                interruption = error
        if interruption is not None:
            raise interruption
    errors = [
        outcome.error for outcome in outcomes.values() if outcome.status == "error"
    ]
    if fail_fast and errors:
        raise ExceptionGroup(f"{len(errors)} of {len(jobs)} jobs failed", errors)
    return outcomes


class CancelToken:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._is_set = False
        self._children: list[CancelToken] = []
        self._on_cancel: Callable[[], None] | None = None

    def cancel(self) -> None:
        with self._condition:
            self._is_set = True
            self._condition.notify_all()
            children = list(self._children)
        for child in children:
            child.cancel()
        if self._on_cancel is not None:
            self._on_cancel()

    @property
    def cancelled(self) -> bool:
        with self._condition:
            return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._is_set, timeout)
            return self._is_set

    def raise_if_cancelled(self) -> None:
        if self.cancelled:
            raise JobCancelled("this job was asked to stop")

    def adopt(self, child: "CancelToken") -> None:
        with self._condition:
            self._children.append(child)
            already = self._is_set
        if already:
            child.cancel()

    def release(self, child: "CancelToken") -> None:
        with self._condition:
            self._children.remove(child)


@dataclass
class _Ticket:
    """A job, and everything about it; changed only with the lock of the call held."""

    name: str
    job: Callable[[CancelToken], Any]
    token: CancelToken
    state: Literal["waiting", "running", "stopping", "over"] = "waiting"
    due: float | None = None
    reason: Status | None = None
    outcome: Outcome[Any] = Outcome("cancelled")


def run_all_threads(
    jobs: Mapping[str, Callable[[CancelToken], T]],
    *,
    workers: int = 4,
    timeout: float | None = None,
    deadline: float | None = None,
    fail_fast: bool = False,
    cancel: CancelToken | None = None,
) -> dict[str, Outcome[T]]:
    if workers < 1:
        raise ValueError("workers must be at least 1")
    if any(seconds is not None and seconds <= 0 for seconds in (timeout, deadline)):
        raise ValueError("timeout and deadline must be positive")
    tickets = [_Ticket(name, job, CancelToken()) for name, job in jobs.items()]
    todo: queue.Queue[_Ticket] = queue.Queue()
    for ticket in tickets:
        todo.put(ticket)
    news = threading.Condition()
    crew: set[threading.Thread] = set()
    fatal: list[BaseException] = []
    stop = CancelToken()

    def stopped() -> None:
        with news:
            news.notify_all()

    stop._on_cancel = stopped

    def judge(ticket: _Ticket, value: Any, error: BaseException | None) -> Outcome[Any]:
        if error is not None and not isinstance(error, JobCancelled):
            return Outcome("error", error=error, attempts=1)
        if ticket.reason is not None:
            return Outcome(ticket.reason, attempts=1)
        if error is not None:
            return Outcome("cancelled", attempts=1)
        return Outcome("ok", value, attempts=1)

    def work() -> None:
        while True:
            with news:
                if stop.cancelled or todo.empty():
                    crew.discard(threading.current_thread())
                    news.notify_all()
                    return
                ticket = todo.get()
                ticket.state = "running"
                if timeout is not None:
                    ticket.due = time.monotonic() + timeout
                news.notify_all()
            value = error = None
            try:
                value = ticket.job(ticket.token)
            except BaseException as raised:
                error = raised
            with news:
                if ticket.state == "over":
                    return
                ticket.state = "over"
                ticket.outcome = judge(ticket, value, error)
                if error is not None and not isinstance(error, Exception):
                    fatal.append(error)
                news.notify_all()
            if fatal or (fail_fast and ticket.outcome.status == "error"):
                stop.cancel()

    def hire() -> None:
        thread = threading.Thread(target=work, daemon=True)
        crew.add(thread)
        thread.start()

    def stop_ticket(ticket: _Ticket, reason: Status) -> None:
        ticket.state, ticket.reason = "stopping", reason
        ticket.due = time.monotonic() + 0.5
        ticket.token.cancel()

    def look_after(ends: float | None) -> None:
        """With the lock held: stop what is due, and give up what does not stop."""
        now = time.monotonic()
        late = ends is not None and now >= ends
        if late or stop.cancelled:
            while not todo.empty():
                todo.get()
        for ticket in tickets:
            overdue = ticket.due is not None and now >= ticket.due
            if ticket.state == "running":
                if late or overdue:
                    stop_ticket(ticket, "timeout")
                elif stop.cancelled:
                    stop_ticket(ticket, "cancelled")
            elif ticket.state == "stopping" and overdue:
                ticket.state = "over"
                ticket.outcome = Outcome("timeout", attempts=1)
                hire()

    if cancel is not None:
        cancel.adopt(stop)
    ends = None if deadline is None else time.monotonic() + deadline
    try:
        with news:
            for _ in range(min(workers, len(tickets))):
                hire()
            while not todo.empty() or any(
                t.state in {"running", "stopping"} for t in tickets
            ):
                moments = [t.due for t in tickets if t.state in {"running", "stopping"}]
                if ends is not None and any(
                    t.state in {"waiting", "running"} for t in tickets
                ):
                    moments.append(ends)
                moments = [moment for moment in moments if moment is not None]
                if not stop.cancelled or all(t.state != "running" for t in tickets):
                    wait_s = min(moments) - time.monotonic() if moments else None
                    if wait_s is None or wait_s > 0:
                        news.wait(wait_s)
                look_after(ends)
    finally:
        if cancel is not None:
            cancel.release(stop)
    if fatal:
        raise fatal[0]
    outcomes = {ticket.name: ticket.outcome for ticket in tickets}
    errors = [
        outcome.error for outcome in outcomes.values() if outcome.status == "error"
    ]
    if fail_fast and errors:
        raise ExceptionGroup(f"{len(errors)} of {len(jobs)} jobs failed", errors)
    return outcomes
