"""Coroutines hand the jobs to an executor; a semaphore counts, and a task samples."""

import asyncio
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
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


EXECUTORS = {"threading": ThreadPoolExecutor, "multiprocessing": ProcessPoolExecutor}


class Stopped(Exception):
    pass


async def run_in(executor, fn, args, workers, stop=None):
    loop = asyncio.get_running_loop()
    free = asyncio.Semaphore(workers)

    async def one(arg):
        async with free:
            if stop is not None and stop.is_set():
                raise Stopped
            return await loop.run_in_executor(executor, fn, arg)

    tasks = [asyncio.create_task(one(arg)) for arg in args]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(model, fn, args, workers):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    with EXECUTORS[model](workers) as executor:
        return asyncio.run(run_in(executor, fn, args, workers))


def run_threaded(fn, args, workers):
    return run("threading", fn, args, workers)


def run_multiprocess(fn, args, workers):
    return run("multiprocessing", fn, args, workers)


def memory():
    me = psutil.Process()
    sizes = []
    for process in [me, *me.children(recursive=True)]:
        try:
            sizes.append(process.memory_info().rss)
        except psutil.NoSuchProcess:
            pass
    return sum(sizes) / 2**20


async def sample(levels):
    while True:
        await asyncio.sleep(0.025)
        levels.append(memory())


async def observed(model, task, fn, args, workers, stop):
    levels = [memory()]
    sampler = asyncio.create_task(sample(levels))
    start = time.perf_counter()
    with EXECUTORS[model](workers) as executor:
        results = await run_in(executor, fn, args, workers, stop)
        seconds = time.perf_counter() - start
    sampler.cancel()
    peak = max(levels) - levels[0]
    return Measurement(model, task, workers, seconds, peak, tuple(results))


def timed(model, task, fn, args, workers, stop):
    try:
        return asyncio.run(observed(model, task, fn, args, workers, stop))
    except Stopped:
        return None


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
