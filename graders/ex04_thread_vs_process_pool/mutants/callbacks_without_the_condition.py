"""The callbacks count what is left without the condition that the caller waits for.

Caught by: R1

"""

import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import (
    CancelledError,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Task:
    name: str
    fn: Callable[..., Any]
    args: tuple = ()
    kind: str = "auto"


@dataclass(frozen=True)
class Outcome:
    name: str
    ok: bool
    value: Any = None
    error: BaseException | None = None
    executor: str | None = None


@dataclass(frozen=True)
class Comparison:
    thread_seconds: float
    process_seconds: float | None
    faster: str
    outcomes: list


def check(tasks, max_workers):
    if max_workers < 1:
        raise ValueError("max_workers must be at least 1")
    names = [task.name for task in tasks]
    if len(set(names)) != len(names):
        raise ValueError("task names must be unique")


def picklable(task):
    try:
        pickle.dumps((task.fn, task.args))
        return True
    except Exception:
        return False


def in_thread(task):
    try:
        return Outcome(task.name, True, task.fn(*task.args), None, "thread")
    except Exception as error:
        return Outcome(task.name, False, None, error, "thread")


def in_process(task):
    outcome = replace(in_thread(task), executor="process")
    try:
        pickle.loads(pickle.dumps(outcome))
    except Exception as error:
        lost = outcome.value if outcome.ok else outcome.error
        why = RuntimeError(f"not picklable: {type(lost).__name__}: {error!r}")
        return Outcome(task.name, False, None, why, "process")
    return outcome


def sample(task):
    cpu, wall = time.thread_time(), time.perf_counter()
    outcome = in_thread(task)
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    return outcome, "process" if cpu > 0.5 * wall else "thread"


def choose_executor(task):
    if not picklable(task):
        return "thread"
    if task.kind == "auto":
        return sample(task)[1]
    return {"cpu": "process", "io": "thread"}[task.kind]


def cancelled(task):
    return Outcome(task.name, False, error=CancelledError())


def timed_out(task, executor):
    return Outcome(task.name, False, error=TimeoutError(), executor=executor)


def kill(pool):
    for process in list((pool._processes or {}).values()):
        process.kill()


def alone(task, timeout=None):
    """Run a task that a broken pool has lost in a pool of its own."""
    pool = ProcessPoolExecutor(1)
    try:
        return pool.submit(in_process, task).result(timeout)
    except TimeoutError:
        return timed_out(task, "process")
    except BrokenProcessPool as error:
        return Outcome(task.name, False, None, error, "process")
    finally:
        kill(pool)
        pool.shutdown()


class Board:
    """Where the callbacks, which run in many threads, put what has ended."""

    def __init__(self):
        self.changed = threading.Condition()
        self.outcomes, self.lost, self.left = {}, [], 0

    def watch(self, future, task, where):
        with self.changed:
            self.left += 1
        future.add_done_callback(lambda future: self.ended(future, task, where))

    def ended(self, future, task, where):
        if future.cancelled():
            outcome = cancelled(task)
        elif isinstance(error := future.exception(), BrokenProcessPool):
            outcome = None
        elif error is not None:
            outcome = Outcome(task.name, False, None, error, where)
        else:
            outcome = future.result()
        if outcome is None:
            self.lost.append(task)
        else:
            self.outcomes.setdefault(task.name, outcome)
        self.left -= 1
        with self.changed:
            self.changed.notify_all()

    def wait(self, timeout):
        with self.changed:
            return self.changed.wait_for(lambda: self.left == 0, timeout)


def execute(for_threads, for_processes, max_workers, timeout=None):
    """Return the outcomes by name."""
    board, complete, futures, refused = Board(), False, [], []
    pools = {
        "process": ProcessPoolExecutor(max_workers),
        "thread": ThreadPoolExecutor(max_workers),
    }
    plan = [(task, "process", in_process) for task in for_processes]
    plan += [(task, "thread", in_thread) for task in for_threads]
    try:
        for task, where, attempt in plan:
            try:
                future = pools[where].submit(attempt, task)
            except BrokenProcessPool:
                refused.append(task)
                continue
            futures.append((future, task, where))
            board.watch(future, task, where)
        complete = board.wait(timeout)
        if not complete:
            for future, task, where in futures:
                if not future.done() and not future.cancel():
                    with board.changed:
                        late = timed_out(task, where)
                        board.outcomes.setdefault(task.name, late)
    finally:
        pools["thread"].shutdown(wait=complete, cancel_futures=True)
        if not complete:
            kill(pools["process"])
        pools["process"].shutdown(cancel_futures=True)
    with board.changed:
        outcomes, again = dict(board.outcomes), [*board.lost, *refused]
    for task in again:
        if task.name not in outcomes:
            outcomes[task.name] = (
                alone(task) if complete else timed_out(task, "process")
            )
    return outcomes


def run_with(executor, tasks, max_workers=4):
    if executor not in ("thread", "process"):
        raise ValueError(f"unknown executor {executor!r}")
    check(tasks, max_workers)
    if executor == "thread":
        outcomes = execute(tasks, [], max_workers)
    else:
        outcomes = execute([], [t for t in tasks if picklable(t)], max_workers)
    for task in tasks:
        if task.name not in outcomes:
            error = TypeError(f"{task.name} cannot be pickled")
            outcomes[task.name] = Outcome(task.name, False, error=error)
    return [outcomes[task.name] for task in tasks]


def compare(tasks, max_workers=4):
    check(tasks, max_workers)
    start = time.perf_counter()
    by_thread = run_with("thread", tasks, max_workers)
    thread_seconds = time.perf_counter() - start
    sendable = [task for task in tasks if picklable(task)]
    if not sendable:
        return Comparison(thread_seconds, None, "thread", by_thread)
    start = time.perf_counter()
    by_process = {o.name: o for o in run_with("process", sendable, max_workers)}
    process_seconds = time.perf_counter() - start
    if thread_seconds <= process_seconds:
        return Comparison(thread_seconds, process_seconds, "thread", by_thread)
    merged = [by_process.get(outcome.name, outcome) for outcome in by_thread]
    return Comparison(thread_seconds, process_seconds, "process", merged)


def process_all(tasks, max_workers=4, *, timeout=None):
    check(tasks, max_workers)
    deadline = None if timeout is None else time.monotonic() + timeout
    outcomes, places = {}, {"thread": [], "process": []}
    known = {}  # what a sample said about a function
    for task in tasks:
        if task.kind == "auto" and picklable(task):
            if task.fn not in known:
                outcomes[task.name], known[task.fn] = sample(task)
                continue
            places[known[task.fn]].append(task)
        else:
            places[choose_executor(task)].append(task)
    left = None if deadline is None else deadline - time.monotonic()
    outcomes |= execute(places["thread"], places["process"], max_workers, left)
    return [outcomes[task.name] for task in tasks]
