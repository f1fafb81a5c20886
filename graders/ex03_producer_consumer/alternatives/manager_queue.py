"""A3.5: processes meet at the queues of a Manager; threads join theirs with task_done.

The queues of a manager live in a process of their own, so a worker that dies takes
nothing with it. Its reports are on the queue before it goes on.
"""

import multiprocessing
import multiprocessing.managers
import pickle
import queue
import signal
import threading
import time
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
    if min(producers, consumers) < 1:
        raise ValueError("needs at least one producer and one consumer")
    if maxsize < 1:
        raise ValueError("needs a queue with room for at least one item")
    match backend:
        case "thread":
            return with_threads(produce, consume, producers, consumers, maxsize, stop)
        case "process":
            return with_processes(produce, consume, producers, consumers, maxsize, stop)
        case _:
            raise ValueError(f"no such backend: {backend}")


def explain(error):
    return f"{type(error).__name__}: {error}"


# Threads: the caller waits until every item has been marked as done.


def with_threads(produce, consume, producers, consumers, maxsize, stop):
    items = queue.Queue(maxsize)
    reports = queue.SimpleQueue()
    leave = threading.Event()

    def stopped():
        return stop is not None and stop.is_set()

    def producer(number):
        try:
            source = iter(produce(number))
            while not stopped() and not leave.is_set():
                try:
                    item = next(source)
                except StopIteration:
                    break
                while not stopped() and not leave.is_set():
                    try:
                        items.put((item,), timeout=0.05)
                    except queue.Full:
                        continue
                    reports.put(("produced",))
                    break
        except BaseException as error:
            reports.put(("source", f"producer {number}", explain(error)))

    def consumer():
        while True:
            got = items.get()
            try:
                if got is None:
                    return
                if stopped() or leave.is_set():
                    continue
                try:
                    reports.put(("value", consume(*got)))
                except BaseException as error:
                    reports.put(("error", got[0], explain(error)))
            finally:
                items.task_done()

    makers = [
        threading.Thread(target=producer, args=(i,), daemon=True)
        for i in range(producers)
    ]
    users = [threading.Thread(target=consumer) for _ in range(consumers)]
    try:
        for thread in users:
            thread.start()
        for thread in makers:
            thread.start()
        for maker in makers:
            while maker.is_alive() and not stopped():
                maker.join(0.05 if stop else None)
        items.join()
    finally:
        leave.set()
        for user in users:
            items.put(None)
        for user in users:
            user.join()
        give_up = time.monotonic() + 0.3
        for maker in makers:
            if maker.ident is not None:
                maker.join(max(0, give_up - time.monotonic()))
    outcome = PipelineResult([], [], 0, 0, stopped())
    while not reports.empty():  # nobody writes any more but a source that overslept
        record(outcome, reports.get())
    return outcome


def record(outcome, report):
    kind, *what = report
    if kind == "produced":
        outcome.produced += 1
    elif kind == "source":
        outcome.errors.append(tuple(what))
    elif kind == "value":
        outcome.consumed += 1
        outcome.results.append(what[0])
    else:
        outcome.consumed += 1
        outcome.errors.append(tuple(what))


# Processes


def with_processes(produce, consume, producers, consumers, maxsize, stop):
    stop = stop or multiprocessing.Event()
    manager = multiprocessing.managers.SyncManager()
    manager.start(ignore_sigint)
    crew = []
    try:
        items, reports = manager.Queue(maxsize), manager.Queue()
        makers = [
            multiprocessing.Process(
                target=make, args=(produce, number, items, reports, stop), daemon=True
            )
            for number in range(producers)
        ]
        users = [
            multiprocessing.Process(
                target=use, args=(consume, items, reports, stop), daemon=True
            )
            for _ in range(consumers)
        ]
        for process in makers + users:
            process.start()
            crew.append(process)
        outcome, died = supervise(makers, users, items, reports, stop)
        if died:
            raise WorkerDied(f"{died.name} died, exit code {died.exitcode}")
        return outcome
    finally:
        for process in crew:
            process.kill()
        for process in crew:
            process.join()
            process.close()
        manager.shutdown()
        # An exception may keep this frame alive, but shall not keep connections open.
        items = reports = manager = None


def ignore_sigint():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def supervise(makers, users, items, reports, stop):
    outcome = PipelineResult([], [], 0, 0, False)
    making, using = {p.name for p in makers}, {p.name for p in users}
    ends = len(users)
    patience = None
    while using or making:
        dead = [p for p in makers + users if not p.is_alive()]
        listen(reports, outcome, making, using)
        for process in dead:
            if process.name in making | using:
                return None, process
        if stop.is_set() and not using:
            patience = patience or time.monotonic() + 0.3
            if time.monotonic() > patience:
                break
        while ends and not making and not stop.is_set():
            try:
                items.put_nowait(b"")
            except queue.Full:
                break
            ends -= 1
    outcome.cancelled = stop.is_set()
    return outcome, None


def listen(reports, outcome, making, using):
    """Take what has been reported; wait a little if it is nothing."""
    wait = 0.05
    while True:
        try:
            report = pickle.loads(reports.get(timeout=wait))
        except queue.Empty:
            return
        wait = 0.001
        if report[0] == "bye":
            making.discard(report[1])
            using.discard(report[1])
        elif report[0] == "error":
            record(outcome, ("error", pickle.loads(report[1]), report[2]))
        else:
            record(outcome, report)
        if not making and not using:
            return


def make(produce, number, items, reports, stop):
    ignore_sigint()

    def tell(*what):
        reports.put(pickle.dumps(what))

    try:
        source = iter(produce(number))
        while not stop.is_set():
            try:
                packed = pickle.dumps(next(source))
            except StopIteration:
                break
            while not stop.is_set():
                try:
                    items.put(packed, timeout=0.05)
                except queue.Full:
                    continue
                tell("produced")
                break
    except BaseException as error:
        tell("source", f"producer {number}", explain(error))
    tell("bye", multiprocessing.current_process().name)


def use(consume, items, reports, stop):
    ignore_sigint()
    while not stop.is_set():
        try:
            packed = items.get(timeout=0.05)
        except queue.Empty:
            continue
        if not packed or stop.is_set():
            break
        try:
            report = pickle.dumps(("value", consume(pickle.loads(packed))))
        except BaseException as error:
            report = pickle.dumps(("error", packed, explain(error)))
        reports.put(report)
    reports.put(pickle.dumps(("bye", multiprocessing.current_process().name)))
