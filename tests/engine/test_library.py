"""The standard library's own code runs on the controlled primitives."""

from __future__ import annotations

import sys

import pytest

from racecourse.engine import Budget, Verdict, explore_source

SMALL = Budget(systematic=200, sampled=60, overslept=30)

PROGRAMS = {
    "a subclass of Thread": """
import threading
class Worker(threading.Thread):
    def __init__(self, box):
        super().__init__(name="worker")
        self.box = box
    def run(self):
        self.box.append(threading.current_thread().name)
def program():
    box = []
    worker = Worker(box)
    assert not worker.is_alive()
    worker.start()
    worker.join()
    assert not worker.is_alive()
    assert box == ["worker"]
    assert threading.current_thread() is threading.main_thread()
    assert threading.active_count() == 1
""",
    "dataclasses with postponed annotations": """
from __future__ import annotations
import threading
from dataclasses import dataclass, field
from typing import ClassVar
@dataclass
class Basket:
    limit: ClassVar[int] = 3
    items: list[int] = field(default_factory=list)
def program():
    basket = Basket()
    threads = [threading.Thread(target=basket.items.append, args=(n,)) for n in "ab"]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert sorted(basket.items) == ["a", "b"]
""",
    "barriers, bounded semaphores, wait_for": """
import threading
def program():
    barrier = threading.Barrier(2)
    slots = threading.BoundedSemaphore(1)
    condition = threading.Condition()
    passed = []
    def work():
        barrier.wait()
        with slots:
            with condition:
                passed.append(1)
                condition.notify_all()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads: thread.start()
    with condition:
        assert condition.wait_for(lambda: len(passed) == 2, timeout=5)
    for thread in threads: thread.join()
""",
    "queues of all kinds": """
import queue, threading
def program():
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue, queue.SimpleQueue):
        items = kind()
        thread = threading.Thread(target=items.put, args=(1,))
        thread.start()
        assert items.get() == 1
        thread.join()
        try:
            items.get(timeout=0.1)
        except queue.Empty:
            pass
        else:
            assert False
    full = queue.Queue(1)
    full.put(1)
    try:
        full.put(2, timeout=0.1)
    except queue.Full:
        pass
    else:
        assert False
""",
    "a pool: map, callbacks, timeouts, cancel, nested submit": """
import time
from concurrent.futures import ThreadPoolExecutor, TimeoutError, as_completed
def program():
    with ThreadPoolExecutor(max_workers=2) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
        called = []
        future = pool.submit(time.sleep, 10)
        future.add_done_callback(called.append)
        try:
            future.result(timeout=1)
        except TimeoutError:
            pass
        else:
            assert False
        nested = pool.submit(lambda: pool.submit(int, "7"))
        assert nested.result().result() == 7
        for done in as_completed([future]):
            assert done is future
    assert called == [future]
""",
    "thread locals": """
import threading
class Own(threading.local):
    def __init__(self):
        self.seen = []
def program():
    own = Own()
    own.seen.append("main")
    def work():
        own.seen.append("worker")
        assert own.seen == ["worker"]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert own.seen == ["main"]
""",
    "sched on the virtual clock": """
import sched, time
def program():
    seen = []
    plan = sched.scheduler(time.monotonic, time.sleep)
    plan.enter(20, 1, seen.append, ("late",))
    plan.enter(10, 1, seen.append, ("early",))
    plan.run()
    assert seen == ["early", "late"]
""",
    "bare _thread": """
import _thread
def program():
    lock = _thread.allocate_lock()
    lock.acquire()
    _thread.start_new_thread(lock.release, ())
    assert lock.acquire(timeout=5)
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_library_keeps_its_promises_under_every_schedule(name: str):
    report = explore_source(PROGRAMS[name], budget=SMALL)
    assert report.verdict is Verdict.NOTHING_FOUND, str(report)


def test_the_names_of_the_programs_modules_are_given_back():
    explore_source("def program(): pass", budget=SMALL)
    assert "program" not in sys.modules
