"""Everything is submitted at once, and then there is one wait for all of it."""

import pickle
import time
from collections.abc import Callable
from concurrent.futures import (
    CancelledError,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
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


def execute(for_threads, for_processes, max_workers, timeout=None):
    """Return the outcomes by name."""
    deadline = None if timeout is None else time.monotonic() + timeout
    outcomes, futures, lost, complete = {}, {}, [], False
    processes, threads = (
        ProcessPoolExecutor(max_workers),
        ThreadPoolExecutor(max_workers),
    )
    try:
        for task in for_processes:
            try:
                futures[processes.submit(in_process, task)] = task, "process"
            except BrokenProcessPool:
                lost.append(task)
        for task in for_threads:
            futures[threads.submit(in_thread, task)] = task, "thread"
        done, running = wait(futures, timeout)
        for future in done:
            task, where = futures[future]
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                lost.append(task)
            elif error is not None:
                outcomes[task.name] = Outcome(task.name, False, None, error, where)
            else:
                outcomes[task.name] = future.result()
        for future in running:
            task, where = futures[future]
            gone = future.cancel()
            outcomes[task.name] = cancelled(task) if gone else timed_out(task, where)
        complete = not running
    finally:
        threads.shutdown(wait=complete, cancel_futures=True)
        if not complete:
            kill(processes)
        processes.shutdown(wait=True, cancel_futures=True)
    for task in lost:
        left = None if deadline is None else deadline - time.monotonic()
        late = left is not None and left <= 0
        outcomes[task.name] = cancelled(task) if late else alone(task, left)
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
