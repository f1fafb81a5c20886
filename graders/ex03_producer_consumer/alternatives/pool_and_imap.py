"""A3.4: Pool.imap_unordered over a generator that is throttled by a semaphore.

Producers are threads; they put what they make into a queue, from which the pool's own
thread takes it through the generator. A ThreadPool is a Pool too, so both backends are
the same lines. A Pool replaces a worker that was killed and forgets what it had in
hand, so the children are looked at here.
"""

import contextlib
import itertools
import multiprocessing
import multiprocessing.pool
import pickle
import queue
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")

_END = object()


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
    if min(producers, consumers, maxsize) < 1:
        raise ValueError("producers, consumers and maxsize must be at least 1")
    if backend == "thread":
        stop = stop or threading.Event()
        crew = ThreadCrew(consume, consumers, stop)
    elif backend == "process":
        stop = stop or multiprocessing.Event()
        crew = ProcessCrew(consume, consumers, stop)
    else:
        raise ValueError(f"there is no backend {backend!r}")
    return Pipeline(crew, maxsize + consumers, stop).run(produce, producers)


def describe(error):
    return f"{type(error).__name__}: {error}"


class Job:
    """Consumes one item: None if it was dropped, or whether it went well, and with what."""

    def __init__(self, consume, stop):
        self.consume, self.stop = consume, stop

    def __call__(self, item):
        if self.stop.is_set():
            return None
        try:
            return True, self.consume(item)
        except BaseException as error:
            return False, describe(error)


class ThreadCrew:
    def __init__(self, consume, consumers, stop):
        self.job = Job(consume, stop)
        self.pool = multiprocessing.pool.ThreadPool(consumers)

    def pack(self, item):
        return item

    def answers(self, numbered):
        return self.pool.imap_unordered(self.call, numbered)

    def call(self, numbered):
        number, item = numbered
        return number, self.job(item)

    def unpack(self, answer):
        return answer

    def check(self):
        pass

    def leave(self):
        self.pool.terminate()
        self.pool.join()


class ProcessCrew:
    def __init__(self, consume, consumers, stop):
        self.pool = multiprocessing.Pool(consumers, begin_child, (consume, stop))
        self.children = list(self.pool._pool)  # a Pool has no other way to ask

    def pack(self, item):
        return pickle.dumps(item)

    def answers(self, numbered):
        return self.pool.imap_unordered(call_in_child, numbered)

    def unpack(self, answer):
        return pickle.loads(answer)

    def check(self):
        if any(child.exitcode is not None for child in self.children):
            raise WorkerDied("a worker process died")

    def leave(self):
        # A worker that was killed while it waited has taken a lock of the pool's with
        # it, and then terminate does not return.
        ending = threading.Thread(target=self.pool.terminate, daemon=True)
        ending.start()
        ending.join(1)
        if ending.is_alive():
            for child in {*self.children, *self.pool._pool}:
                child.kill()
                child.join()
        else:
            self.pool.join()


def begin_child(consume, stop):
    global job_here
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job_here = Job(consume, stop)


def call_in_child(numbered):
    # Packed by hand, so that a result that cannot travel is an error like any other.
    number, packed = numbered
    try:
        return number, pickle.dumps(job_here(pickle.loads(packed)))
    except Exception as error:
        return number, pickle.dumps((False, describe(error)))


class Pipeline:
    def __init__(self, crew, room, stop):
        self.crew, self.stop = crew, stop
        self.room = threading.BoundedSemaphore(room)
        self.made = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.on_the_way = {}  # number: item
        self.making = 0
        self.produced = self.consumed = 0
        self.results, self.errors = [], []
        self.over = False

    def run(self, produce, producers):
        self.making = producers
        makers = [
            threading.Thread(target=self.make, args=(produce, number), daemon=True)
            for number in range(producers)
        ]
        try:
            for maker in makers:
                maker.start()
            self.collect()
        finally:
            self.over = True
            self.made.put(_END)
            self.crew.leave()
        until = time.monotonic() + 0.3  # one that sleeps in produce is left alone
        for maker in makers:
            maker.join(max(0, until - time.monotonic()))
        with self.lock:
            return PipelineResult(
                list(self.results),
                list(self.errors),
                self.produced,
                self.consumed,
                self.stop.is_set(),
            )

    def stopped(self):
        return self.over or self.stop.is_set()

    # Threads of the producers.

    def make(self, produce, maker):
        try:
            items = iter(produce(maker))
            while not self.stopped():
                try:
                    item = next(items)
                except StopIteration:
                    break
                self.put(item)
        except BaseException as error:
            with self.lock:
                if not self.over:
                    self.errors.append((f"producer {maker}", describe(error)))
        finally:
            with self.lock:
                self.making -= 1
                if not self.making:
                    self.made.put(_END)

    def put(self, item):
        packed = self.crew.pack(item)
        while not self.room.acquire(timeout=0.05):
            if self.stopped():
                return
        with self.lock:
            if self.stopped():
                return
            number = next(self.numbers)
            self.on_the_way[number] = item
            self.produced += 1
            self.made.put((number, packed))

    # The pool's thread.

    def numbered(self):
        while (numbered := self.made.get()) is not _END:
            yield numbered

    # The caller's thread.

    def collect(self):
        answers = self.crew.answers(self.numbered())
        with contextlib.suppress(StopIteration):
            while True:
                self.crew.check()
                if self.stop.is_set():
                    self.made.put(_END)  # a producer may be asleep
                with contextlib.suppress(multiprocessing.TimeoutError):
                    self.note(*answers.next(timeout=0.05))

    def note(self, number, answer):
        try:
            answer = self.crew.unpack(answer)
        except Exception as error:
            answer = False, describe(error)
        with self.lock:
            item = self.on_the_way.pop(number)
            if answer is not None:
                well, value = answer
                self.consumed += 1
                if well:
                    self.results.append(value)
                else:
                    self.errors.append((item, value))
        self.room.release()
