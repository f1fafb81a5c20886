"""A1.4: a helper process reads the proportional sizes from /proc, so no thread is needed.

The runs are made by map on the executors; for a stop, slice by slice.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measurement:
    model: str
    task: str
    workers: int
    seconds: float
    peak_memory_mb: float
    results: tuple


POOLS = {"threading": ThreadPoolExecutor, "multiprocessing": ProcessPoolExecutor}


def run_threaded(fn, args, workers):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(fn, args))


def run_multiprocess(fn, args, workers):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(fn, args))


def run_until(stop, model, fn, args, workers):
    """Like the two above, but return None if stop is set before the last job began."""
    futures = []
    with POOLS[model](workers) as pool:
        for arg in args:
            busy = [future for future in futures if not future.done()]
            if len(busy) >= workers:
                wait_for(busy, return_when=FIRST_COMPLETED)
            if stop.is_set():
                return None
            futures.append(pool.submit(fn, arg))
        return [future.result() for future in futures]


def below(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *below(child)]
    return found


def pss_kb(pid):
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def watch(pid, pipe):
    """Tell that the level is known, look until something comes, tell the rise in KiB."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def level():
        pids = [pid, *below(pid)]
        return sum(pss_kb(each) for each in pids if each != os.getpid())

    before = peak = level()
    pipe.send("ready")
    while not pipe.poll(0.02):
        peak = max(peak, level())
    pipe.send(peak - before)


@contextlib.contextmanager
def watched():
    ours, theirs = multiprocessing.Pipe()
    helper = multiprocessing.Process(target=watch, args=(os.getpid(), theirs))
    helper.start()
    answer = []
    try:
        ours.recv()
        yield answer
    finally:
        ours.send("enough")
        answer.append(ours.recv() / 1024)
        helper.join()


def timed(model, task, fn, args, workers, stop):
    with watched() as rise_mb:
        start = time.perf_counter()
        if stop is not None:
            results = run_until(stop, model, fn, args, workers)
        elif model == "threading":
            results = run_threaded(fn, args, workers)
        else:
            results = run_multiprocess(fn, args, workers)
        seconds = time.perf_counter() - start
    if results is None:
        return None
    return Measurement(model, task, workers, seconds, rise_mb[0], tuple(results))


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
