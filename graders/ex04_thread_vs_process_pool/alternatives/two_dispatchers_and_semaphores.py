"""Each executor has a dispatcher, a thread that submits when a semaphore lets it."""

import pickle
import threading
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


class Dispatcher(threading.Thread):
    """Hands the tasks to one pool, never more than it has workers."""

    def __init__(self, pool, attempt, tasks, max_workers):
        super().__init__()
        self.pool, self.attempt, self.tasks = pool, attempt, tasks
        self.free = threading.BoundedSemaphore(max_workers)
        self.stopped = threading.Event()
        self.futures, self.refused = {}, []

    def run(self):
        for task in self.tasks:
            self.free.acquire()
            if self.stopped.is_set():
                self.free.release()
                return
            try:
                future = self.pool.submit(self.attempt, task)
            except RuntimeError:  # broken, which BrokenProcessPool is one of
                self.refused.append(task)
                self.free.release()
            else:
                self.futures[future] = task
                future.add_done_callback(lambda _: self.free.release())

    def stop(self):
        self.stopped.set()
        try:
            self.free.release()  # wakes it up, if it waits
        except ValueError:
            pass
        self.join()


def execute(for_threads, for_processes, max_workers, timeout=None):
    """Return the outcomes by name."""
    end = float("inf") if timeout is None else time.monotonic() + timeout
    processes, threads = (
        ProcessPoolExecutor(max_workers),
        ThreadPoolExecutor(max_workers),
    )
    dispatchers = {
        "process": Dispatcher(processes, in_process, for_processes, max_workers),
        "thread": Dispatcher(threads, in_thread, for_threads, max_workers),
    }
    outcomes, lost, complete = {}, [], False
    begun = []
    try:
        for dispatcher in dispatchers.values():
            dispatcher.start()
            begun.append(dispatcher)
        for dispatcher in begun:
            if timeout is None:
                dispatcher.join()
            else:
                dispatcher.join(max(0.0, end - time.monotonic()))
        for dispatcher in begun:
            if dispatcher.is_alive():
                dispatcher.stop()
        futures = [future for each in begun for future in each.futures]
        left = None if timeout is None else max(0.0, end - time.monotonic())
        wait(futures, left)
        for where, dispatcher in dispatchers.items():
            for future, task in dispatcher.futures.items():
                if not future.done():
                    outcomes[task.name] = timed_out(task, where)
                elif isinstance(error := future.exception(), BrokenProcessPool):
                    lost.append(task)
                elif error is not None:
                    outcomes[task.name] = Outcome(task.name, False, None, error, where)
                else:
                    outcomes[task.name] = future.result()
            lost += dispatcher.refused
        due = {task.name: task for task in [*for_threads, *for_processes]}
        for task in lost:
            del due[task.name]
        missing = [task for name, task in due.items() if name not in outcomes]
        outcomes |= {task.name: cancelled(task) for task in missing}
        complete = all(future.done() for future in futures) and not missing
    finally:
        if not complete:
            kill(processes)
        for dispatcher in begun:
            if dispatcher.is_alive():
                dispatcher.stop()
        threads.shutdown(wait=complete, cancel_futures=True)
        if not complete:
            kill(processes)
        processes.shutdown(cancel_futures=True)
    for task in lost:
        outcomes[task.name] = alone(task) if complete else timed_out(task, "process")
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
