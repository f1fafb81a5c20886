"""multiprocessing.Pool and its twin of threads; apply_async, with a semaphore for room."""

import multiprocessing
import multiprocessing.pool
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


POOLS = {
    "threading": multiprocessing.pool.ThreadPool,
    "multiprocessing": multiprocessing.Pool,
}


def run(model, fn, args, workers, stop=None):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    room = threading.BoundedSemaphore(workers)
    failed = threading.Event()

    def make_room(_):
        room.release()

    def fail(_):
        failed.set()
        room.release()

    pool = POOLS[model](workers)
    try:
        handed = []
        for arg in args:
            room.acquire()
            if failed.is_set() or (stop is not None and stop.is_set()):
                break
            handed.append(
                pool.apply_async(fn, (arg,), callback=make_room, error_callback=fail)
            )
        results = [each.get() for each in handed]
    except KeyboardInterrupt:
        pool.terminate()  # a worker may have died of it as well
        raise
    finally:
        pool.close()
        pool.join()
    return results if len(results) == len(args) else None


def run_threaded(fn, args, workers):
    return run("threading", fn, args, workers)


def run_multiprocess(fn, args, workers):
    return run("multiprocessing", fn, args, workers)


def used_mb():
    me, total = psutil.Process(), 0
    for process in [me, *me.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1024 / 1024


def timed(model, task, fn, args, workers, stop):
    before = peak = used_mb()
    finished = False

    def sample():
        nonlocal peak
        while not finished:
            peak = max(peak, used_mb())
            time.sleep(0.03)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        start = time.perf_counter()
        results = run(model, fn, args, workers, stop)
        seconds = time.perf_counter() - start
    finally:
        finished = True
        sampler.join()
    if results is None:
        return None
    return Measurement(model, task, workers, seconds, peak - before, tuple(results))


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
