"""Every worker has its share from the start: the arguments i, i + workers, and so on.

Threads write into their own slots. Processes send their share back through a pipe each,
and look at an event of theirs that the parent sets when `stop` is set.
"""

import multiprocessing
import multiprocessing.connection
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


def work_off(fn, share, stopped):
    """Return ([(index, value), ...], error); shorter than the share if stopped."""
    done = []
    for index, arg in share:
        if stopped():
            break
        try:
            done.append((index, fn(arg)))
        except BaseException as error:
            return done, error
    return done, None


def shares_of(args, workers):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    pairs = list(enumerate(args))
    return [pairs[i::workers] for i in range(min(workers, len(pairs)))]


def put_together(answers, count):
    for _, error in answers:
        if error is not None:
            raise error
    values = dict(pair for done, _ in answers for pair in done)
    return [values[i] for i in range(count)] if len(values) == count else None


def run_threaded(fn, args, workers, stop=None):
    shares = shares_of(args, workers)
    answers = [None] * len(shares)

    def worker(number):
        stopped = stop.is_set if stop else lambda: False
        answers[number] = work_off(fn, shares[number], stopped)

    threads = [threading.Thread(target=worker, args=(i,)) for i in range(len(shares))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return put_together(answers, len(args))


def child(pipe, stopped, fn, share):
    pipe.send(work_off(fn, share, stopped.is_set))


def run_multiprocess(fn, args, workers, stop=None):
    shares = shares_of(args, workers)
    stopped = multiprocessing.Event()
    pipes, children = {}, []
    for number, share in enumerate(shares):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        pipes[ours] = number
        process = multiprocessing.Process(
            target=child, args=(theirs, stopped, fn, share)
        )
        process.start()
        theirs.close()
        children.append(process)
    answers = [([], None)] * len(shares)
    try:
        while pipes:
            for pipe in multiprocessing.connection.wait(list(pipes), timeout=0.05):
                answers[pipes.pop(pipe)] = pipe.recv()
            if stop is not None and stop.is_set():
                stopped.set()
    finally:
        for process in children if pipes else ():
            process.kill()
        for process in children:
            process.join()
    return put_together(answers, len(args))


def usage():
    root, total = psutil.Process(), 0
    for process in (root, *root.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            pass
    return total


def timed(model, task, fn, args, workers, stop):
    run = run_threaded if model == "threading" else run_multiprocess
    base = highest = usage()
    results = error = seconds = None

    def do_it():
        nonlocal results, error, seconds
        begin = time.perf_counter()
        try:
            results = run(fn, args, workers, stop)
        except BaseException as caught:
            error = caught
        seconds = time.perf_counter() - begin

    runner = threading.Thread(target=do_it)
    runner.start()
    while runner.is_alive():
        highest = max(highest, usage())
        runner.join(0.03)
    if error is not None:
        raise error
    if results is None:
        return None
    peak = (highest - base) / 1e6
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
