"""The standard library's own code runs on the controlled primitives."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from racecourse.engine import Budget, Verdict, explore_file, explore_source

if TYPE_CHECKING:
    from pathlib import Path

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
    "a chain of eighty threads, each started by the one before": """
import threading
def program():
    def work(left):
        if left:
            thread = threading.Thread(target=work, args=(left - 1,))
            thread.start()
            thread.join()
    work(80)
""",
    "a pool of the size that the machine suggests": """
import threading
from concurrent.futures import ThreadPoolExecutor
def program():
    gate = threading.Event()
    with ThreadPoolExecutor() as pool:
        for _ in range(20):
            pool.submit(gate.wait)
        assert threading.active_count() == 1 + 4 + 4  # four processors, everywhere
        gate.set()
""",
    "an initializer that fails breaks the pool": """
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
def program():
    with ThreadPoolExecutor(1, initializer=int, initargs=("x",)) as pool:
        future = pool.submit(int, "3")
        assert isinstance(future.exception(), BrokenExecutor)
""",
    "what a thread ran is freed when the thread has ended": """
import gc, threading, weakref
def program():
    def work():
        pass
    known = weakref.ref(work)
    thread = threading.Thread(target=work)
    thread.start()
    del work
    thread.join()
    assert known() is None
""",
    "locks that refuse what Python's refuse": """
import threading
def program():
    lock = threading.Lock()
    for args, error in (
        ((False, 1), ValueError),
        ((True, -2), ValueError),
        ((True, threading.TIMEOUT_MAX * 2), OverflowError),
    ):
        try:
            lock.acquire(*args)
        except error:
            pass
        else:
            assert False, args
    assert repr(lock).startswith("<unlocked _thread.lock object at 0x")
    with lock:
        assert repr(lock).startswith("<locked _thread.lock object at 0x")
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_library_keeps_its_promises_under_every_schedule(name: str):
    report = explore_source(PROGRAMS[name], budget=SMALL)
    assert report.verdict is Verdict.NOTHING_FOUND, str(report)


def test_the_names_of_the_programs_modules_are_given_back():
    explore_source("def program(): pass", budget=SMALL)
    assert "program" not in sys.modules


@pytest.mark.parametrize("name", ["threading", "queue", "sched", "random", "asyncio"])
def test_a_file_named_like_the_library_does_not_stand_in_for_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / f"{name}.py").write_text("raise ImportError('not the library')\n")
    program = tmp_path / "program.py"
    program.write_text("""\
import asyncio, queue, random, sched, threading
def program():
    assert threading.Lock and queue.Queue and sched.scheduler and random.Random
    assert asyncio.Queue
""")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    report = explore_file(program, budget=SMALL)
    assert report.verdict is Verdict.NOTHING_FOUND, str(report)


def test_modules_of_a_package_find_one_another(tmp_path: Path):
    """In all three ways: by full name, from the package, and relative to it."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "stock.py").write_text("LEFT = 3\n")
    (package / "till.py").write_text("from .stock import LEFT\n")
    program = tmp_path / "program.py"
    program.write_text("""\
import shop.stock
from shop import till
def program():
    assert shop.stock.LEFT == till.LEFT == 3
""")
    modules = {
        "shop": package / "__init__.py",
        "shop.stock": package / "stock.py",
        "shop.till": package / "till.py",
    }
    report = explore_file(program, modules=modules, budget=SMALL)
    assert report.verdict is Verdict.NOTHING_FOUND, str(report)
