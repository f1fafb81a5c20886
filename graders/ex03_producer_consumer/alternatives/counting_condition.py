"""A3.3: no end mark at all. Everybody looks at three numbers under one condition.

free: places in the queue; ready: items that somebody may take; making: producers left.
Threads and processes do the same with them. Only where the numbers live differs, how the
items travel, and what has been done is told: see `ThreadWorld` and `ProcessWorld`.
"""

import multiprocessing
import pickle
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import wait
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

R = TypeVar("R")
POLL = 0.05
PATIENCE = 0.3


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
    if any(number < 1 for number in (producers, consumers, maxsize)):
        raise ValueError("producers, consumers and maxsize start at 1")
    worlds = {"thread": ThreadWorld, "process": ProcessWorld}
    if backend not in worlds:
        raise ValueError(f"backend: one of {', '.join(worlds)}")
    world = worlds[backend](producers, maxsize, stop)
    try:
        for number in range(producers):
            world.start(make, produce, number)
        for _ in range(consumers):
            world.start(use, consume)
        return world.outcome()
    finally:
        world.close()


# What a producer and a consumer do, in any world.


def make(shared, tell, produce, number):
    try:
        source = iter(produce(number))
        while reserve_place(shared):
            try:
                item = next(source)
            except StopIteration:
                with shared.changed:
                    shared.count.free += 1
                    shared.changed.notify_all()
                return
            message = shared.pack(item)
            with shared.changed:
                shared.count.ready += 1
                shared.changed.notify_all()
            tell("produced")
            shared.send(message)
    except BaseException as error:
        tell("source", f"producer {number}", f"{type(error).__name__}: {error}")
        with shared.changed:
            shared.count.free += 1
    finally:
        with shared.changed:
            shared.count.making -= 1
            shared.changed.notify_all()


def reserve_place(shared):
    """Wait for a free place; False when the run is being stopped."""
    with shared.changed:
        while not shared.stopped():
            if shared.count.free > 0:
                shared.count.free -= 1
                return True
            shared.changed.wait(POLL)
        return False


def use(shared, tell, consume):
    while (message := take(shared)) is not None:
        try:
            value = consume(shared.unpack(message))
        except BaseException as error:
            tell("error", message, f"{type(error).__name__}: {error}")
        else:
            try:
                tell("value", value)
            except Exception as error:
                tell("error", message, f"{type(error).__name__}: {error}")


def take(shared):
    """Wait for an item; None when none can come or the run is being stopped."""
    with shared.changed:
        while not shared.stopped():
            if shared.count.ready > 0:
                shared.count.ready -= 1
                break
            if shared.count.making == 0:
                return None
            shared.changed.wait(POLL)
        else:
            return None
    # Counted as ready before it is sent: it is on its way.
    message = shared.receive()
    with shared.changed:
        shared.count.free += 1
        shared.changed.notify_all()
    return None if shared.stopped() else message


class Ledger:
    def __init__(self):
        self.result = PipelineResult([], [], 0, 0, False)

    def note(self, kind, *what):
        result = self.result
        if kind == "produced":
            result.produced += 1
        elif kind == "source":
            result.errors.append(tuple(what))
        else:
            result.consumed += 1
            (result.results if kind == "value" else result.errors).append(
                what[0] if kind == "value" else what
            )


class ThreadWorld:
    def __init__(self, producers, maxsize, stop):
        self.interrupted = False
        self.stop = stop
        self.ledger = Ledger()
        self.writing = threading.Lock()
        self.users, self.makers = [], []
        items = deque()
        self.arrived = threading.Semaphore(0)

        def send(item):
            items.append(item)
            self.arrived.release()

        def receive():
            self.arrived.acquire()
            return (items.popleft(),)

        self.shared = SimpleNamespace(
            changed=threading.Condition(),
            count=SimpleNamespace(free=maxsize, ready=0, making=producers),
            stopped=self.stopped,
            pack=lambda item: item,
            # In a tuple, for an item may be None.
            unpack=lambda message: message[0],
            send=send,
            receive=receive,
        )

    def stopped(self):
        return self.interrupted or (self.stop is not None and self.stop.is_set())

    def tell(self, kind, *what):
        with self.writing:
            if kind == "error":
                what = (what[0][0], what[1])
            self.ledger.note(kind, *what)

    def start(self, work, *args):
        thread = threading.Thread(
            target=work, args=(self.shared, self.tell, *args), daemon=work is make
        )
        thread.start()
        (self.makers if work is make else self.users).append(thread)

    def outcome(self):
        for user in self.users:
            user.join()
        until = time.monotonic() + PATIENCE
        for maker in self.makers:
            maker.join(max(0, until - time.monotonic()))
        with self.writing:
            seen = self.ledger.result
            return PipelineResult(
                list(seen.results),
                list(seen.errors),
                seen.produced,
                seen.consumed,
                self.stopped(),
            )

    def close(self):
        self.interrupted = True
        for user in self.users:
            user.join()


class ProcessShared:
    """What child processes are given; it can be pickled while they are started."""

    def __init__(self, producers, maxsize, stop):
        self.changed = multiprocessing.Condition()
        self.count = Count(producers, maxsize)
        self.items = multiprocessing.SimpleQueue()
        self.stop = stop

    def stopped(self):
        return self.stop.is_set()

    def pack(self, item):
        return pickle.dumps(item)

    def unpack(self, message):
        return pickle.loads(message)

    def send(self, message):
        self.items.put(message)

    def receive(self):
        return self.items.get()


class Count:
    def __init__(self, producers, maxsize):
        self.numbers = multiprocessing.RawArray("i", [maxsize, 0, producers])

    free, ready, making = (
        property(
            lambda self, at=at: self.numbers[at],
            lambda self, value, at=at: self.numbers.__setitem__(at, value),
        )
        for at in range(3)
    )


class ProcessWorld:
    def __init__(self, producers, maxsize, stop):
        self.stop = stop if stop is not None else multiprocessing.Event()
        self.shared = ProcessShared(producers, maxsize, self.stop)
        self.ledger = Ledger()
        self.crew = {}  # pipe -> process, as long as it may still tell something
        self.makers = set()
        self.processes = []
        self.free_to_go = set()

    def start(self, work, *args):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(
            target=in_child, args=(theirs, self.shared, work, *args), daemon=True
        )
        with theirs:
            process.start()
        self.processes.append(process)
        self.crew[ours] = process
        if work is make:
            self.makers.add(process)

    def outcome(self):
        until = None
        while self.crew:
            for pipe in wait(list(self.crew), POLL):
                self.read(pipe)
            if self.stop.is_set() and self.makers.issuperset(self.crew.values()):
                until = until or time.monotonic() + PATIENCE
                if time.monotonic() > until:
                    for maker in self.crew.values():
                        maker.kill()
                        self.free_to_go.add(maker)
        self.ledger.result.cancelled = self.stop.is_set()
        return self.ledger.result

    def read(self, pipe):
        process = self.crew[pipe]
        try:
            kind, *what = pipe.recv()
        except (EOFError, OSError):
            if process not in self.free_to_go:
                raise WorkerDied(f"{process.name} died") from None
            kind = "bye"
        if kind == "bye":
            del self.crew[pipe]
            pipe.close()
        else:
            if kind == "error":
                what[0] = pickle.loads(what[0])
            self.ledger.note(kind, *what)

    def close(self):
        for process in self.processes:
            process.kill() if process in self.crew.values() else process.join(PATIENCE)
        for process in self.processes:
            process.kill()
            process.join()
            process.close()
        for pipe in self.crew:
            pipe.close()
        self.shared.items.close()


def in_child(pipe, shared, work, *args):
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def tell(*what):
        pipe.send_bytes(pickle.dumps(what))

    work(shared, tell, *args)
    tell("bye")
