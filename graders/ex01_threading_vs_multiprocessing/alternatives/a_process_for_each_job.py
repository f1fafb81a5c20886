"""A thread or a process for each job, and never more of them than workers at a time."""

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


def run_threaded(fn, args, workers, stop=None):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    places = threading.BoundedSemaphore(workers)
    answers = [None] * len(args)

    def job(index):
        try:
            answers[index] = (True, fn(args[index]))
        except BaseException as error:
            answers[index] = (False, error)
        finally:
            places.release()

    threads = []
    for index in range(len(args)):
        places.acquire()
        if stop is not None and stop.is_set():
            break
        threads.append(threading.Thread(target=job, args=(index,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return unpack(answers)


def unpack(answers):
    if None in answers:
        return None
    for fine, value in answers:
        if not fine:
            raise value
    return [value for _, value in answers]


def job_in_child(pipe, fn, arg):
    try:
        answer = (True, fn(arg))
    except Exception as error:
        answer = (False, error)
    pipe.send(answer)


def run_multiprocess(fn, args, workers, stop=None):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    answers = [None] * len(args)
    waiting = list(range(len(args)))
    running = {}  # pipe: (index, process)
    try:
        while waiting or running:
            if stop is not None and stop.is_set():
                waiting.clear()
            while waiting and len(running) < workers:
                index = waiting.pop(0)
                ours, theirs = multiprocessing.Pipe(duplex=False)
                process = multiprocessing.Process(
                    target=job_in_child, args=(theirs, fn, args[index])
                )
                process.start()
                theirs.close()
                running[ours] = index, process
            if not running:
                break
            for pipe in multiprocessing.connection.wait(list(running)):
                index, process = running.pop(pipe)
                answers[index] = pipe.recv()
                process.join()
                pipe.close()
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()
    return unpack(answers)


def level():
    me = psutil.Process()
    total = me.memory_info().rss
    for child in me.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            pass
    return total


class Watch(threading.Thread):
    def __init__(self):
        super().__init__()
        self.enough = threading.Event()
        self.first = self.top = level()

    def run(self):
        while not self.enough.wait(timeout=0.02):
            self.top = max(self.top, level())

    def rise_mb(self):
        return (self.top - self.first) / 1e6


def timed(model, task, fn, args, workers, stop):
    run = run_threaded if model == "threading" else run_multiprocess
    watch = Watch()
    watch.start()
    try:
        start = time.time()
        results = run(fn, args, workers, stop)
        seconds = time.time() - start
    finally:
        watch.enough.set()
        watch.join()
    if results is None:
        return None
    return Measurement(model, task, workers, seconds, watch.rise_mb(), tuple(results))


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
