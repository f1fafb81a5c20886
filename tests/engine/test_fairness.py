"""Correct programs that an engine too easily calls deadlocked or livelocked."""

from __future__ import annotations

import pytest

from racecourse.engine import Budget, Kind, Verdict, explore_source

SMALL = Budget(systematic=150, sampled=80, overslept=40)

CORRECT = {
    "a spin on sleep(0)": """
import threading, time
def program():
    done = []
    worker = threading.Thread(target=done.append, args=(1,))
    worker.start()
    while not done:
        time.sleep(0)
    worker.join()
""",
    "a bare spin while the other one sleeps": """
import threading, time
def program():
    done = []
    def work():
        time.sleep(5)
        done.append(1)
    worker = threading.Thread(target=work)
    worker.start()
    while not done:
        pass
    worker.join()
""",
    "two spinners and a sleeper": """
import threading, time
def program():
    done = []
    def work():
        time.sleep(5)
        done.append(1)
    def spin():
        while not done:
            pass
    threads = [threading.Thread(target=t) for t in (spin, spin, work)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
""",
    "a try-lock loop": """
import threading
def program():
    lock = threading.Lock()
    total = [0]
    def work():
        while not lock.acquire(blocking=False):
            pass
        total[0] += 1
        lock.release()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert total[0] == 2
""",
    "a poll with a zero timeout": """
from concurrent.futures import ThreadPoolExecutor, wait
import time
def program():
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(time.sleep, 1) for _ in range(2)]
        while wait(futures, timeout=0).not_done:
            pass
""",
    "a loop until a deadline": """
import time
def program():
    end = time.monotonic() + 0.01
    while time.monotonic() < end:
        pass
""",
    "a long computation": """
def program():
    n = 0
    while n < 30_000:
        n += 1
    assert n == 30_000
""",
    "a timer that fires": """
import threading
def program():
    fired = threading.Event()
    timer = threading.Timer(10, fired.set)
    timer.start()
    assert fired.wait(60)
    timer.join()
""",
    "a pool that nobody shuts down": """
from concurrent.futures import ThreadPoolExecutor
def program():
    assert ThreadPoolExecutor(1).submit(int, "3").result() == 3
""",
    "a daemon that waits for ever": """
import queue, threading
def program():
    threading.Thread(target=queue.Queue().get, daemon=True).start()
""",
}


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_program_is_not_accused(name: str):
    report = explore_source(CORRECT[name], budget=SMALL)
    assert report.verdict is Verdict.NOTHING_FOUND, str(report)


def test_a_task_that_catches_everything_is_left_behind():
    """An execution that is over must end although a handler swallows the way out."""
    source = """
import threading
def program():
    lock = threading.Lock()
    lock.acquire()
    def stubborn():
        while True:
            try:
                lock.acquire()
            except:
                pass
    threading.Thread(target=stubborn, daemon=True).start()
    assert False, "done"
"""
    report = explore_source(source)
    assert report.failure is not None
    assert report.failure.message == "done"


def test_threads_that_are_started_on_the_way_out_do_not_come_back():
    """Each is new: the execution after it must not find what is left of it."""
    source = """
import threading
def program():
    gate = threading.Lock()
    gate.acquire()
    def work():
        try:
            gate.acquire()
        finally:
            for _ in range(3):
                threading.Thread(target=gate.acquire, daemon=True).start()
    for _ in range(2):
        threading.Thread(target=work, daemon=True).start()
    assert threading.active_count() == 3
"""
    assert explore_source(source, budget=SMALL).verdict is Verdict.NOTHING_FOUND


def test_an_exception_in_a_thread_counts():
    source = """
import threading
def program():
    thread = threading.Thread(target=int, args=("x",))
    thread.start()
    thread.join()
"""
    report = explore_source(source)
    assert report.failure is not None
    assert report.failure.kind is Kind.EXCEPTION
    assert report.failure.error == "ValueError"


def test_an_exception_is_the_programs_own_business_if_it_hooks_it():
    source = """
import threading
def program():
    seen = []
    threading.excepthook = lambda args: seen.append(args.exc_type)
    thread = threading.Thread(target=int, args=("x",))
    thread.start()
    thread.join()
    assert seen == [ValueError]
"""
    assert explore_source(source).verdict is Verdict.NOTHING_FOUND


def test_random_numbers_are_the_same_in_every_execution():
    source = """
import random, threading
def program():
    assert random.random() == random.Random(0).random()
"""
    assert explore_source(source).verdict is Verdict.NOTHING_FOUND
