"""A1.1: the executors of concurrent.futures, and a thread that adds up resident sizes.

All jobs are submitted at once; stop cancels those that have not begun.
"""

import concurrent.futures
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


EXECUTORS = {
    "threading": concurrent.futures.ThreadPoolExecutor,
    "multiprocessing": concurrent.futures.ProcessPoolExecutor,
}


def run(executor, fn, args, workers, stop=None):
    """Return the results, or None if stop was set before all had been done."""
    if workers < 1:
        raise ValueError("workers must be at least 1")
    if stop is not None and stop.is_set():
        return None
    with executor(max_workers=workers) as pool:
        futures = [pool.submit(fn, arg) for arg in args]
        pending = set(futures)
        while pending:
            done, pending = concurrent.futures.wait(
                pending,
                timeout=0.02 if stop else None,
                return_when=concurrent.futures.FIRST_EXCEPTION,
            )
            failed = [f for f in done if f.exception() is not None]
            if failed or (stop is not None and stop.is_set() and pending):
                pool.shutdown(wait=True, cancel_futures=True)
            if failed:
                raise failed[0].exception()
            if stop is not None and any(f.cancelled() for f in futures):
                return None
    return [f.result() for f in futures]


def run_threaded(fn, args, workers):
    return run(EXECUTORS["threading"], fn, args, workers)


def run_multiprocess(fn, args, workers):
    return run(EXECUTORS["multiprocessing"], fn, args, workers)


def rss(process):
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def total_rss():
    me = psutil.Process()
    return sum(rss(p) for p in [me] + me.children(recursive=True))


class Sampler(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.base = self.peak = total_rss()
        self.done = threading.Event()

    def run(self):
        while not self.done.is_set():
            self.peak = max(self.peak, total_rss())
            self.done.wait(0.02)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.done.set()
        self.join()


def timed(model, task, fn, args, workers, stop):
    with Sampler() as sampler:
        start = time.perf_counter()
        results = run(EXECUTORS[model], fn, args, workers, stop)
        seconds = time.perf_counter() - start
    if results is None:
        return None
    peak = (sampler.peak - sampler.base) / 1024**2
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
