"""The caller waits for the end of processes that have ended: one of two producers, and it spins.

Caught by: S4
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
GOODBYE_S = 3.0


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


# Processes. The caller watches whether they live, a thread reads what they report.


class _Processes:
    def __init__(self, produce, consume, maxsize, stop):
        self.produce, self.consume, self.stop = produce, consume, stop
        self.items = multiprocessing.Queue(maxsize)
        self.reports = multiprocessing.SimpleQueue()
        self.outcome = PipelineResult([], [], 0, 0, False)
        self.processes, self.running = [], []
        self.heard = threading.Condition()
        self.through = set()  # the names of those that have said goodbye
        self.listener = threading.Thread(target=self.listen, daemon=True)

    def run(self, producers, consumers):
        try:
            makers = [self.start(_make, self.produce, i) for i in range(producers)]
            users = [self.start(_use, self.consume) for _ in range(consumers)]
            self.listener.start()  # after the processes: who forks has no threads yet
            ends_to_send = consumers
            while self.some_run(makers):
                if self.stop.is_set() and not self.some_run(users):
                    self.dismiss(makers)
                self.watch()
            # A process ends after what it has put is on its way: no end overtakes items.
            while self.some_run(users):
                with contextlib.suppress(queue.Full):
                    while ends_to_send and not self.stop.is_set():
                        self.items.put(END_OF_ITEMS, block=False)
                        ends_to_send -= 1
                self.watch()
            self.reports.put(None)
            self.listener.join()
            self.outcome.cancelled = self.stop.is_set()
            return self.outcome
        finally:
            self.clear_up()

    def start(self, target, *args):
        process = multiprocessing.Process(
            target=target,
            args=(*args, self.items, self.reports, self.stop),
            daemon=True,
        )
        process.start()
        self.processes.append(process)
        self.running.append(process)
        return process

    def some_run(self, processes):
        return any(process in self.running for process in processes)

    def watch(self):
        """Wait a moment for the end of a process, and ask whether it was a good one."""
        sentinels = [process.sentinel for process in self.processes]
        ended = multiprocessing.connection.wait(sentinels, TICK)
        for process in [each for each in self.running if each.sentinel in ended]:
            process.join()
            self.running.remove(process)
            # It may have said goodbye, and the listener has not come to that yet.
            patience = GOODBYE_S if process.exitcode == 0 else 0
            with self.heard:
                if not self.heard.wait_for(
                    lambda name=process.name: name in self.through, patience
                ):
                    raise WorkerDied(f"process {process.pid} died")

    def listen(self):
        while (report := self.reports.get()) is not None:
            with self.heard:
                self.note(*report)
                self.heard.notify()

    def note(self, kind, *report):
        if kind == "produced":
            self.outcome.produced += 1
        elif kind == "value":
            self.outcome.consumed += 1
            self.outcome.results.append(pickle.loads(*report))
        elif kind == "error":
            self.outcome.consumed += 1
            blob, text = report
            self.outcome.errors.append((pickle.loads(blob), text))
        elif kind == "source failed":
            self.outcome.errors.append(tuple(report))
        else:
            self.through.update(report)

    def dismiss(self, makers):
        """End the sources that sleep; what they have reported is still heard."""
        for maker in makers:
            maker.join(GRACE / len(makers))
            if maker.is_alive():
                maker.kill()
                with self.heard:
                    self.through.add(maker.name)

    def clear_up(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()
            process.close()
        self.items.close()
        self.items.cancel_join_thread()
        self.items = None  # an exception may keep self, but shall not keep its pipe


END_OF_ITEMS = b""  # items are pickled, and no pickle is empty


def _make(produce, i, items, reports, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        source = iter(produce(i))
        while not stop.is_set():
            try:
                item = next(source)
            except StopIteration:
                break
            if put(items, pickle.dumps(item), stop):
                reports.put(["produced"])
    except BaseException as error:
        reports.put(["source failed", f"producer {i}", text_of(error)])
    if stop.is_set():
        items.cancel_join_thread()
    reports.put(["through", multiprocessing.current_process().name])


def _use(consume, items, reports, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (blob := get(items, stop)) not in (END, END_OF_ITEMS) and not stop.is_set():
        try:
            report = ["value", pickle.dumps(consume(pickle.loads(blob)))]
        except BaseException as error:
            report = ["error", blob, text_of(error)]
        reports.put(report)
    reports.put(["through", multiprocessing.current_process().name])
