"""executor.map over the tasks, with a wrapper that always returns an Outcome."""

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
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Task:
    name: str
    fn: Callable[..., Any]
    args: tuple = ()
    kind: Literal["cpu", "io", "auto"] = "auto"


@dataclass(frozen=True)
class Outcome:
    name: str
    ok: bool
    value: Any = None
    error: BaseException | None = None
    executor: Literal["thread", "process"] | None = None


@dataclass(frozen=True)
class Comparison:
    thread_seconds: float
    process_seconds: float | None
    faster: Literal["thread", "process"]
    outcomes: list[Outcome]


# The wrappers: nothing that a task raises leaves them, so map never stops early.


def in_thread(task):
    try:
        return Outcome(task.name, True, task.fn(*task.args), executor="thread")
    except Exception as exc:
        return Outcome(task.name, False, error=exc, executor="thread")


def in_process(task):
    try:
        value, error = task.fn(*task.args), None
    except Exception as exc:
        value, error = None, exc
    try:
        pickle.loads(pickle.dumps((value, error)))
    except Exception as exc:
        what = type(value if error is None else error).__name__
        value, error = None, RuntimeError(f"cannot send back {what}: {exc!r}")
    return Outcome(task.name, error is None, value, error, "process")


WRAPPERS = {"thread": in_thread, "process": in_process}


def can_be_pickled(task):
    try:
        pickle.dumps(task)
    except Exception:
        return False
    return True


def validate(tasks, max_workers):
    if max_workers < 1:
        raise ValueError(f"max_workers is {max_workers}, must be at least 1")
    if len({task.name for task in tasks}) != len(tasks):
        raise ValueError("task names must be different")


def run_alone(task, seconds=None):
    """Run a task that lost its process in a new pool where it can harm nobody."""
    pool = ProcessPoolExecutor(1)
    try:
        return next(pool.map(in_process, [task], timeout=seconds))
    except (BrokenProcessPool, TimeoutError) as exc:
        return Outcome(task.name, False, error=exc, executor="process")
    finally:
        kill(pool)


def kill(pool):
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(cancel_futures=True)


def map_processes(tasks, max_workers):
    outcomes = []
    try:
        with ProcessPoolExecutor(max_workers) as pool:
            for outcome in pool.map(in_process, tasks):
                outcomes.append(outcome)
    except BrokenProcessPool:
        # Somebody's process died, and map has given up: the rest one by one.
        outcomes += [run_alone(task) for task in tasks[len(outcomes) :]]
    return outcomes


def run_with(executor, tasks, max_workers=4):
    if executor not in WRAPPERS:
        raise ValueError(f"unknown executor: {executor!r}")
    validate(tasks, max_workers)
    if executor == "thread":
        with ThreadPoolExecutor(max_workers) as pool:
            return list(pool.map(in_thread, tasks))
    travellers = [task for task in tasks if can_be_pickled(task)]
    outcomes = {o.name: o for o in map_processes(travellers, max_workers)}
    refused = pickle.PicklingError("this task cannot be sent to a process")
    return [
        outcomes.get(task.name) or Outcome(task.name, False, error=refused)
        for task in tasks
    ]


def compare(tasks, max_workers=4):
    validate(tasks, max_workers)
    travellers = [task for task in tasks if can_be_pickled(task)]
    start = time.perf_counter()
    outcomes = run_with("thread", tasks, max_workers)
    thread_seconds = time.perf_counter() - start
    if not travellers:
        return Comparison(thread_seconds, None, "thread", outcomes)
    start = time.perf_counter()
    by_process = run_with("process", travellers, max_workers)
    process_seconds = time.perf_counter() - start
    faster = "process" if process_seconds < thread_seconds else "thread"
    if faster == "process":
        better = {outcome.name: outcome for outcome in by_process}
        outcomes = [better.get(outcome.name, outcome) for outcome in outcomes]
    return Comparison(thread_seconds, process_seconds, faster, outcomes)


def choose_executor(task):
    if not can_be_pickled(task):
        return "thread"
    if task.kind != "auto":
        return "process" if task.kind == "cpu" else "thread"
    wall, cpu = time.perf_counter(), time.process_time()
    in_thread(task)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return "process" if cpu > wall / 2 else "thread"


def process_all(tasks, max_workers=4, *, timeout=None):
    """Each task of the kind "auto" is its own sample, so it has run once it is known."""
    validate(tasks, max_workers)
    end = None if timeout is None else time.monotonic() + timeout
    places = {
        t.name: "thread" if t.kind == "auto" else choose_executor(t) for t in tasks
    }
    pools = {
        "process": ProcessPoolExecutor(max_workers),
        "thread": ThreadPoolExecutor(max_workers),
    }
    futures, outcomes, in_time = {}, {}, False
    try:
        for place, pool in pools.items():  # map could not say what had ended in time
            for task in tasks:
                if places[task.name] == place:
                    try:
                        futures[task.name] = pool.submit(WRAPPERS[place], task)
                    except BrokenProcessPool:
                        break
        in_time = not wait(futures.values(), timeout).not_done
        if not in_time:
            for task in reversed(tasks):
                outcomes[task.name] = give_up(
                    task, futures.get(task.name), places[task.name]
                )
    finally:
        pools["thread"].shutdown(wait=in_time, cancel_futures=True)
        if in_time:
            pools["process"].shutdown()
        else:
            kill(pools["process"])
    if in_time:
        for task in tasks:
            future = futures.get(task.name)
            if future and not future.exception():
                outcomes[task.name] = future.result()
            elif future and not isinstance(future.exception(), BrokenProcessPool):
                outcomes[task.name] = Outcome(
                    task.name,
                    False,
                    error=future.exception(),
                    executor=places[task.name],
                )
            else:
                left = None if end is None else max(0.0, end - time.monotonic())
                outcomes[task.name] = run_alone(task, left)
    return [outcomes[task.name] for task in tasks]


def give_up(task, future, place):
    """The outcome of a task when the time is over."""
    if future is None or future.cancel():
        return Outcome(task.name, False, error=CancelledError())
    if not future.done():
        return Outcome(task.name, False, error=TimeoutError(), executor=place)
    if error := future.exception():
        return Outcome(task.name, False, error=error, executor=place)
    return future.result()
