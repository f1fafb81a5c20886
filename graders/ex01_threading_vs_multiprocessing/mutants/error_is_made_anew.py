"""An error comes home from its process as a type and arguments, and is made anew.

Not every exception has the arguments that its type is called with.

Caught by: X1
"""

import multiprocessing
import signal
import sys
import threading
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Measurement:
    model: str
    task: str
    workers: int
    seconds: float
    peak_memory_mb: float
    results: tuple


class Stopped(Exception):
    pass


def run_threaded(fn, args, workers, stop=None):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    slots = [None] * len(args)
    lock = threading.Lock()
    state = {"next": 0, "error": None}

    def take():
        with lock:
            index = state["next"]
            if index >= len(args) or state["error"] or (stop and stop.is_set()):
                return None
            state["next"] += 1
            return index

    def worker():
        while (index := take()) is not None:
            try:
                slots[index] = fn(args[index])
            except BaseException as error:
                with lock:
                    state["error"] = state["error"] or error

    threads = [threading.Thread(target=worker) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if state["error"]:
        raise state["error"]
    if state["next"] < len(args):
        raise Stopped
    return slots


def child(fn, tasks, answers):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to go
    for index, arg in iter(tasks.get, None):
        try:
            answers.put((index, fn(arg), None))
        except BaseException as error:
            answers.put((index, None, (type(error), error.args)))


def run_multiprocess(fn, args, workers, stop=None):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    tasks, answers = multiprocessing.Queue(), multiprocessing.Queue()
    children = [
        multiprocessing.Process(target=child, args=(fn, tasks, answers))
        for _ in range(min(workers, len(args)))
    ]
    slots = [None] * len(args)
    given = taken = 0
    try:
        for process in children:
            process.start()
        while True:
            while (
                given < len(args)
                and given - taken < workers
                and not (stop and stop.is_set())
            ):
                tasks.put((given, args[given]))
                given += 1
            if taken == given:
                break
            index, slots[index], failure = answers.get()
            taken += 1
            if failure is not None:
                kind, arguments = failure
                raise kind(*arguments)
        for _ in children:
            tasks.put(None)
        for process in children:
            process.join()
    finally:
        for process in children:
            if process.pid is not None:
                process.terminate()
                process.join()
        for each in (tasks, answers):
            each.close()
            each.cancel_join_thread()
    if given < len(args):
        raise Stopped
    return slots


def memory():
    me = psutil.Process()
    total = 0
    for process in [me, *me.children(recursive=True)]:
        try:
            total += process.memory_full_info().uss
        except psutil.Error:
            pass
    return total / 2**20


def timed(model, task, fn, args, workers, stop):
    run = run_threaded if model == "threading" else run_multiprocess
    before = memory()
    levels, over = [before], threading.Event()

    def sample():
        while not over.wait(0.04):
            levels.append(memory())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        start = time.monotonic()
        results = run(fn, args, workers, stop)
        seconds = time.monotonic() - start
    except Stopped:
        return None
    finally:
        over.set()
        sampler.join()
    return Measurement(
        model, task, workers, seconds, max(levels) - before, tuple(results)
    )


def measure(model, task, fn, args, workers):
    if model not in ("threading", "multiprocessing") or task not in ("cpu", "io"):
        raise ValueError(f"unknown model or task: {model!r}, {task!r}")
    if workers < 1:
        raise ValueError("workers must be at least 1")
    return timed(model, task, fn, args, workers, None)


def compare(
    cpu_job, cpu_args, io_job, io_args, worker_counts=(1, 2, 4, 8), *, stop=None
):
    if not worker_counts or min(worker_counts) < 1:
        raise ValueError("worker_counts must be numbers above 0, at least one")
    rows = []
    for task, fn, args in (("cpu", cpu_job, cpu_args), ("io", io_job, io_args)):
        for model in ("threading", "multiprocessing"):
            for workers in worker_counts:
                row = timed(model, task, fn, args, workers, stop)
                if row is None:
                    return rows
                rows.append(row)
    return rows


def report(rows):
    return "\n".join(
        f"{r.model:<16}{r.task:<5}{r.workers:>3} workers {r.seconds:9.4f} s"
        f" {r.peak_memory_mb:8.2f} MB   {r.results}"
        for r in rows
    )


def square_sum(n):
    return sum(i * i for i in range(n))


def doze(seconds):
    time.sleep(seconds)
    return seconds


def main(argv=None):
    print(report(compare(square_sum, [20_000] * 4, doze, [0.01] * 4, (1, 2, 4))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
