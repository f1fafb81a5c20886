"""A3.2: one sentinel in all; whoever takes it passes it on (as in the Python Cookbook).

The last producer sends it. Between threads stands a queue.Queue. Between processes stands
a SimpleQueue, which sends in the caller's own thread, so that what is put first is there
first; a semaphore gives it its bound.
"""

import multiprocessing
import pickle
import queue
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class WorkerDied(RuntimeError):
    pass


@dataclass
class PipelineResult(Generic[R]):
    results: list[R] = field(default_factory=list)
    errors: list[tuple[Any, str]] = field(default_factory=list)
    produced: int = 0
    consumed: int = 0
    cancelled: bool = False


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
    if producers < 1 or consumers < 1 or maxsize < 1:
        raise ValueError("there must be at least one of each")
    if backend == "thread":
        return run_threads(produce, consume, producers, consumers, maxsize, stop)
    if backend == "process":
        return run_processes(produce, consume, producers, consumers, maxsize, stop)
    raise ValueError("backend is 'thread' or 'process'")


def describe(error):
    return f"{type(error).__name__}: {error}"


def run_threads(produce, consume, producers, consumers, maxsize, stop):
    sentinel = object()
    # The sentinel needs room of its own, so that passing it on never blocks.
    items = queue.Queue()
    room = threading.Semaphore(maxsize)
    halt = threading.Event()
    out = PipelineResult()
    lock = threading.Lock()
    left = producers

    def halted():
        return halt.is_set() or (stop is not None and stop.is_set())

    def producer(number):
        nonlocal left
        try:
            source = iter(produce(number))
            while not halted():
                item = next(source, sentinel)
                if item is sentinel:
                    break
                while not room.acquire(timeout=0.05):
                    if halted():
                        break
                else:
                    with lock:
                        out.produced += 1
                    items.put(item)
        except BaseException as error:
            with lock:
                out.errors.append((f"producer {number}", describe(error)))
        finally:
            with lock:
                left -= 1
                if left == 0:
                    items.put(sentinel)

    def consumer():
        while (item := items.get()) is not sentinel:
            room.release()
            if halted():
                continue
            try:
                result = consume(item)
            except BaseException as error:
                with lock:
                    out.consumed += 1
                    out.errors.append((item, describe(error)))
            else:
                with lock:
                    out.consumed += 1
                    out.results.append(result)
        items.put(sentinel)

    makers = [
        threading.Thread(target=producer, args=(i,), daemon=True)
        for i in range(producers)
    ]
    users = [threading.Thread(target=consumer) for _ in range(consumers)]
    started = []
    try:
        for thread in users + makers:
            thread.start()
            started.append(thread)
        for user in users:
            while user.is_alive() and not halted():
                user.join(0.05 if stop is not None else None)
    finally:
        cancelled = stop is not None and stop.is_set()
        halt.set()
        items.put(sentinel)  # a source that sleeps will not send it
        give_up_at = time.monotonic() + 0.4
        for thread in started:
            thread.join(
                max(0, give_up_at - time.monotonic()) if thread.daemon else None
            )
    with lock:
        return PipelineResult(
            out.results[:], out.errors[:], out.produced, out.consumed, cancelled
        )


SENTINEL = b""  # an item is a pickle, which is never empty


def run_processes(produce, consume, producers, consumers, maxsize, stop):
    items = multiprocessing.SimpleQueue()
    room = multiprocessing.Semaphore(maxsize)
    left = multiprocessing.Value("i", producers)
    stop = stop or multiprocessing.Event()
    crew = Crew()
    out = PipelineResult()
    passing = threading.Thread(target=items.put, args=(SENTINEL,), daemon=True)
    try:
        for i in range(producers):
            crew.hire(producer_process, produce, i, items, room, left, stop)
        for _ in range(consumers):
            crew.hire(consumer_process, consume, items, room, stop)
        stopped_at = None
        while crew.names:
            for kind, *report in crew.reports():
                if kind == "produced":
                    out.produced += 1
                elif kind == "result":
                    out.consumed += 1
                    out.results.extend(report)
                elif kind == "error":
                    out.consumed += 1
                    out.errors.append((pickle.loads(report[0]), report[1]))
                else:
                    out.errors.append(tuple(report))
            if stop.is_set() and stopped_at is None:
                stopped_at = time.monotonic()
                # A source that sleeps will not send it. In a thread, for a full pipe
                # could hold up this one, which has the reports to read.
                passing.start()
            if stopped_at is not None and not crew.has(consumer_process):
                crew.let_go(producer_process, after=0.3)
        out.cancelled = stop.is_set()
        return out
    finally:
        crew.dismiss()
        if passing.ident is not None:
            # Nobody reads any more: empty the pipe so that the thread can end.
            while passing.is_alive() and not items.empty():
                items.get()
            passing.join(0.5)
        items.close()


class Crew:
    """Processes with a pipe each for their reports; an empty report is a goodbye."""

    def __init__(self):
        self.names = {}  # pipe -> (process, what it runs)
        self.all = []
        self.sacked = set()
        self.last_call = None

    def hire(self, target, *args):
        mine, theirs = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(
            target=target, args=(theirs, *args), daemon=True
        )
        with theirs:
            process.start()
        self.all.append(process)
        self.names[mine] = (process, target)

    def has(self, target):
        return any(what is target for _, what in self.names.values())

    def reports(self):
        for pipe in wait(list(self.names), 0.05):
            process, _ = self.names[pipe]
            try:
                report = pipe.recv()
            except (EOFError, OSError):
                if process not in self.sacked:
                    raise WorkerDied(f"lost process {process.pid}") from None
                report = ()
            if report:
                yield report
            else:
                del self.names[pipe]
                pipe.close()

    def let_go(self, target, after):
        self.last_call = self.last_call or time.monotonic() + after
        if time.monotonic() > self.last_call:
            for process, what in self.names.values():
                if what is target:
                    self.sacked.add(process)
                    process.kill()

    def dismiss(self):
        for process in self.all:
            process.kill()
        for process in self.all:
            process.join()
            process.close()
        for pipe in self.names:
            pipe.close()


def producer_process(report, produce, number, items, room, left, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = object()
    try:
        source = iter(produce(number))
        while not stop.is_set():
            item = next(source, nothing)
            if item is nothing:
                break
            blob = pickle.dumps(item)
            while not room.acquire(timeout=0.05):
                if stop.is_set():
                    break
            else:
                report.send(("produced",))
                items.put(blob)
    except BaseException as error:
        report.send(("source", f"producer {number}", describe(error)))
    with left.get_lock():
        left.value -= 1
        last = left.value == 0
    if last:
        items.put(SENTINEL)
    report.send(())


def consumer_process(report, consume, items, room, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (blob := items.get()) != SENTINEL:
        room.release()
        if stop.is_set():
            continue
        try:
            message = pickle.dumps(("result", consume(pickle.loads(blob))))
        except BaseException as error:
            message = pickle.dumps(("error", blob, describe(error)))
        report.send_bytes(message)
    # Say goodbye first: if this was the last consumer, the pipe may stay full for ever.
    report.send(())
    items.put(SENTINEL)
