"""A1.3: each worker process sends its own peak with every answer; they are added up.

The parent samples nothing but itself.
"""

import os
import resource
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
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


@dataclass(frozen=True)
class Telling:
    fn: object

    def __call__(self, arg):
        value = self.fn(arg)
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return os.getpid(), peak_kb, value


def run(pool_class, fn, args, workers, stop=None):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    results = [None] * len(args)
    room = threading.Semaphore(workers)
    futures = {}
    with pool_class(workers) as pool:
        for index, arg in enumerate(args):
            room.acquire()
            if any(f.done() and f.exception() for f in futures):
                break
            if stop is not None and stop.is_set():
                raise Stopped
            future = pool.submit(fn, arg)
            futures[future] = index
            future.add_done_callback(lambda _: room.release())
        for future in as_completed(futures):
            results[futures[future]] = future.result()
    return results


def run_threaded(fn, args, workers):
    return run(ThreadPoolExecutor, fn, args, workers)


def run_multiprocess(fn, args, workers):
    return run(ProcessPoolExecutor, fn, args, workers)


class OwnPeak:
    def __enter__(self):
        self.me = psutil.Process()
        self.before = self.highest = self.me.memory_info().rss
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.over.wait(0.01):
            self.highest = max(self.highest, self.me.memory_info().rss)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def mb(self):
        return (self.highest - self.before) / 2**20


def timed(model, task, fn, args, workers, stop):
    children = {}
    try:
        with OwnPeak() as own:
            start = time.perf_counter()
            if model == "threading":
                results = run(ThreadPoolExecutor, fn, args, workers, stop)
            else:
                told = run(ProcessPoolExecutor, Telling(fn), args, workers, stop)
                results = [value for _, _, value in told]
                for pid, peak_kb, _ in told:
                    children[pid] = max(peak_kb, children.get(pid, 0))
            seconds = time.perf_counter() - start
    except Stopped:
        return None
    peak = own.mb() + sum(children.values()) / 1024
    return Measurement(model, task, workers, seconds, peak, tuple(results))


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
