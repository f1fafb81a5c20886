"""Mistake 3.8: processes are joined before their results are read.

One that still has a large result to hand over never ends.

Caught by: C7
May lose: X3
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import pickle
import queue
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")
END = object()
TICK = 0.05
GRACE = 0.3


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
    produce, consume, *, producers=1, consumers=2, maxsize=16, backend="thread", stop=None
):
    for name, value in (
        ("producers", producers),
        ("consumers", consumers),
        ("maxsize", maxsize),
    ):
        if value < 1:
            raise ValueError(f"{name} must be at least 1")
    if backend == "thread":
        run = _Threads(produce, consume, maxsize, stop or threading.Event())
    elif backend == "process":
        run = _Processes(produce, consume, maxsize, stop or multiprocessing.Event())
    else:
        raise ValueError(f"unknown backend {backend!r}")
    return run.run(producers, consumers)


def text_of(error):
    return f"{type(error).__name__}: {error}"


def put(items, item, stop):
    """Put, and look at `stop` while there is no room; False when it was set."""
    while not stop.is_set():
        try:
            items.put(item, timeout=TICK)
            return True
        except queue.Full:
            pass
    return False


def get(items, stop):
    """Get, and look at `stop` while nothing is there; END when it was set."""
    while not stop.is_set():
        try:
            return items.get(timeout=TICK)
        except queue.Empty:
            pass
    return END


# Threads


class _Threads:
    def __init__(self, produce, consume, maxsize, stop):
        self.produce, self.consume, self.stop = produce, consume, stop
        self.quit = threading.Event()  # set when the caller is interrupted
        self.items = queue.Queue(maxsize)
        self.lock = threading.Lock()
        self.outcome = PipelineResult([], [], 0, 0, False)

    def is_set(self):
        """Look like an event that is set for either reason."""
        return self.quit.is_set() or self.stop.is_set()

    def run(self, producers, consumers):
        makers = [
            threading.Thread(target=self.make, args=(i,), daemon=True)
            for i in range(producers)
        ]
        users = [threading.Thread(target=self.use) for _ in range(consumers)]
        try:
            for thread in makers + users:
                thread.start()
            for maker in makers:
                while maker.is_alive() and not self.is_set():
                    maker.join(TICK)
            for _ in users:
                put(self.items, END, self)
            for user in users:
                user.join()
        except BaseException:
            self.quit.set()
            for user in users:
                if user.ident is not None:
                    user.join()
            raise
        deadline = time.monotonic() + GRACE
        for maker in makers:
            maker.join(max(0, deadline - time.monotonic()))
        with self.lock:
            outcome = self.outcome
            return PipelineResult(
                list(outcome.results),
                list(outcome.errors),
                outcome.produced,
                outcome.consumed,
                self.stop.is_set(),
            )

    def make(self, i):
        try:
            source = iter(self.produce(i))
            while not self.is_set():
                try:
                    item = next(source)
                except StopIteration:
                    return
                if put(self.items, item, self):
                    with self.lock:
                        self.outcome.produced += 1
        except BaseException as error:
            with self.lock:
                self.outcome.errors.append((f"producer {i}", text_of(error)))

    def use(self):
        while (item := get(self.items, self)) is not END and not self.is_set():
            try:
                value = self.consume(item)
            except BaseException as error:
                with self.lock:
                    self.outcome.errors.append((item, text_of(error)))
                    self.outcome.consumed += 1
            else:
                with self.lock:
                    self.outcome.results.append(value)
                    self.outcome.consumed += 1


# Processes. Items go through one multiprocessing.Queue. Each worker has a pipe of its own
# to report through: what a dying worker leaves there in half can hurt nobody else.


class _Processes:
    def __init__(self, produce, consume, maxsize, stop):
        self.produce, self.consume, self.stop = produce, consume, stop
        self.items = multiprocessing.Queue(maxsize)
        self.outcome = PipelineResult([], [], 0, 0, False)
        self.processes = []
        self.pipes = {}  # what can still be heard from: pipe -> process
        self.done = set()  # processes that have said that they are through

    def run(self, producers, consumers):
        try:
            makers = [self.start(_make, self.produce, i) for i in range(producers)]
            users = [self.start(_use, self.consume) for _ in range(consumers)]
            ends_to_send = consumers
            self.join(makers, users)
            # A process ends after what it has put is on its way: no end overtakes items.
            while ends_to_send and put(self.items, END_OF_ITEMS, self.stop):
                ends_to_send -= 1
            self.join(users, users)
            while self.pipes:
                self.listen()
            self.outcome.cancelled = self.stop.is_set()
            return self.outcome
        finally:
            self.clear_up()

    def join(self, processes, users):
        while any(process.is_alive() for process in processes):
            if self.stop.is_set() and not any(user.is_alive() for user in users):
                return self.dismiss(processes)
            multiprocessing.connection.wait([p.sentinel for p in users], TICK)
            if any(process.exitcode for process in self.processes):
                raise WorkerDied("a process died")

    def start(self, target, *args):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(
            target=target, args=(*args, self.items, theirs, self.stop), daemon=True
        )
        with theirs:
            process.start()
        self.processes.append(process)
        self.pipes[ours] = process
        return process

    def some_left_of(self, processes):
        return any(process in self.pipes.values() for process in processes)

    def listen(self):
        for pipe in multiprocessing.connection.wait(list(self.pipes), TICK):
            process = self.pipes[pipe]
            try:
                kind, *report = pipe.recv()
            except (EOFError, OSError):
                pipe.close()
                del self.pipes[pipe]
                if process not in self.done:
                    raise WorkerDied(f"process {process.pid} died") from None
            else:
                self.note(process, kind, *report)

    def note(self, process, kind, *report):
        if kind == "produced":
            self.outcome.produced += 1
        elif kind == "value":
            self.outcome.consumed += 1
            self.outcome.results.extend(report)
        elif kind == "error":
            self.outcome.consumed += 1
            blob, text = report
            self.outcome.errors.append((pickle.loads(blob), text))
        elif kind == "source failed":
            self.outcome.errors.append(tuple(report))
        else:
            self.done.add(process)

    def dismiss(self, makers):
        """End the sources that sleep; what they have reported is still heard."""
        for maker in makers:
            maker.join(GRACE / len(makers))
            if maker.is_alive():
                maker.kill()
                self.done.add(maker)

    def clear_up(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()
            process.close()
        for pipe in self.pipes:
            pipe.close()
        self.items.close()
        self.items.cancel_join_thread()
        self.items = None  # an exception may keep self, but shall not keep its pipe


END_OF_ITEMS = b""  # items are pickled, and no pickle is empty


def _make(produce, i, items, report, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        source = iter(produce(i))
        while not stop.is_set():
            try:
                item = next(source)
            except StopIteration:
                break
            if put(items, pickle.dumps(item), stop):
                report.send(["produced"])
    except BaseException as error:
        report.send(["source failed", f"producer {i}", text_of(error)])
    if stop.is_set():
        items.cancel_join_thread()
    report.send(["done"])


def _use(consume, items, report, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (blob := get(items, stop)) not in (END, END_OF_ITEMS) and not stop.is_set():
        try:
            message = pickle.dumps(["value", consume(pickle.loads(blob))])
        except BaseException as error:
            message = pickle.dumps(["error", blob, text_of(error)])
        report.send_bytes(message)
    report.send(["done"])
