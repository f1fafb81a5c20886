"""A3.4: consume is submitted to an executor, once per item; a semaphore keeps the bound.

Producers are threads in either case. What the backend chooses is the executor: threads, or
processes, whose death concurrent.futures reports as a broken pool.
"""

import concurrent.futures
import multiprocessing
import pickle
import signal
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class WorkerDied(RuntimeError):
    pass


@dataclass
class PipelineResult(Generic[R]):
    results: list[R]
    errors: list[tuple[Any, str]]
    produced: int
    consumed: int
    cancelled: bool


def run_pipeline(
    produce,
    consume,
    *,
    producers=1,
    consumers=2,
    maxsize=16,
    backend="thread",
    stop=None,
):
    if (
        producers < 1
        or consumers < 1
        or maxsize < 1
        or backend not in {"thread", "process"}
    ):
        raise ValueError(f"cannot run {producers}, {consumers}, {maxsize}, {backend!r}")
    if backend == "thread":
        stop = stop or threading.Event()
        pool = concurrent.futures.ThreadPoolExecutor(consumers)
        job = ThreadJob(consume, stop)
    else:
        stop = stop or multiprocessing.Event()
        pool = concurrent.futures.ProcessPoolExecutor(
            consumers, initializer=begin_child, initargs=(consume, stop)
        )
        job = call_in_child
    return Pipeline(pool, job, maxsize + consumers, stop).run(produce, producers)


def words(error):
    return f"{type(error).__name__}: {error}"


# A job gives None for an item that it dropped, (True, value) or (False, text).


class ThreadJob:
    def __init__(self, consume, stop):
        self.consume, self.stop = consume, stop

    def __call__(self, item):
        if self.stop.is_set():
            return None
        try:
            return True, self.consume(item)
        except BaseException as error:
            return False, words(error)


def begin_child(consume, stop):
    global job_here
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job_here = ThreadJob(consume, stop)


def call_in_child(packed):
    # Packed by hand: a value or an exception that cannot travel must not break the pool.
    answer = job_here(pickle.loads(packed))
    try:
        return pickle.dumps(answer)
    except Exception as error:
        return pickle.dumps((False, words(error)))


def nothing():
    pass


class Pipeline:
    def __init__(self, pool, job, room, stop):
        self.pool, self.job, self.stop = pool, job, stop
        self.remote = job is call_in_child
        self.room = threading.BoundedSemaphore(room)
        self.changed = threading.Condition()
        self.out = PipelineResult([], [], 0, 0, False)
        self.pending = 0
        self.making = 0
        self.broken = False
        self.quit = False

    def run(self, produce, producers):
        if self.remote:
            # Start every process now, while this is the only thread.
            self.pool.submit(nothing).result()
        self.making = producers
        makers = [
            threading.Thread(target=self.make, args=(produce, number), daemon=True)
            for number in range(producers)
        ]
        try:
            for maker in makers:
                maker.start()
            self.wait_for_the_end()
            until = time.monotonic() + 0.3
            for maker in makers:
                maker.join(max(0, until - time.monotonic()))
        finally:
            self.quit = True
            self.close()
        if self.broken:
            raise WorkerDied("a worker process died")
        with self.changed:
            out = self.out
            return PipelineResult(
                [*out.results],
                [*out.errors],
                out.produced,
                out.consumed,
                self.stop.is_set(),
            )

    def over(self):
        if self.broken:
            return True
        making = 0 if self.stop.is_set() else self.making
        return not making and not self.pending

    def wait_for_the_end(self):
        asked_at = time.monotonic()
        with self.changed:
            while not self.over():
                self.changed.wait(0.05)
                # An idle pool tells of a death only when it is given something to do.
                if self.remote and time.monotonic() > asked_at + 1 and not self.pending:
                    asked_at = time.monotonic()
                    try:
                        self.pool.submit(nothing)
                    except BrokenProcessPool:
                        self.broken = True

    def close(self):
        self.pool.shutdown(wait=not self.broken, cancel_futures=True)
        for child in multiprocessing.active_children() if self.broken else ():
            child.join(1)

    def stopped(self):
        return self.quit or self.broken or self.stop.is_set()

    def make(self, produce, number):
        try:
            for item in self.until_stopped(produce(number)):
                while not self.room.acquire(timeout=0.05):
                    if self.stopped():
                        return
                self.submit(item)
        except BrokenProcessPool:
            self.broken = True
        except BaseException as error:
            if not self.stopped():
                with self.changed:
                    self.out.errors.append((f"producer {number}", words(error)))
        finally:
            with self.changed:
                self.making -= 1
                self.changed.notify_all()

    def until_stopped(self, items):
        items = iter(items)
        while not self.stopped():
            try:
                item = next(items)
            except StopIteration:
                return
            yield item

    def submit(self, item):
        with self.changed:
            if self.stopped():
                return
            self.pending += 1
            self.out.produced += 1
        try:
            future = self.pool.submit(
                self.job, pickle.dumps(item) if self.remote else item
            )
        except BaseException:
            with self.changed:
                self.pending -= 1
                self.out.produced -= 1
            raise
        future.add_done_callback(lambda future: self.note(item, future))

    def note(self, item, future):
        with self.changed:
            self.pending -= 1
            self.room.release()
            try:
                answer = None if future.cancelled() else future.result()
                if self.remote and answer is not None:
                    answer = pickle.loads(answer)
                if answer is not None:
                    well, value = answer
                    self.out.consumed += 1
                    if well:
                        self.out.results.append(value)
                    else:
                        self.out.errors.append((item, value))
            except BrokenProcessPool:
                self.broken = True
            except Exception as error:
                self.out.consumed += 1
                self.out.errors.append((item, words(error)))
            self.changed.notify_all()
