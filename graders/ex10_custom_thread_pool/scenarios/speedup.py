"""S1 to S3: what waiting and working cost."""

import statistics
import threading
import time

from solution import ThreadPool

from racecourse.sandbox import stage
from scenarios import shared


def second_starts(times, enough_s):
    """Start a second task while the first blocks; return how long each start took.

    Ends early when the starts have taken `enough_s` in all.
    """
    took = []
    while len(took) < times and sum(took) < enough_s:
        with ThreadPool(1, 2) as pool:
            go, begun = threading.Event(), threading.Event()
            first = threading.Event()
            pool.submit(lambda f=first, g=go: (f.set(), g.wait(10)))
            first.wait(shared.WITHIN_S)
            at = time.monotonic()
            pool.submit(begun.set)
            begun.wait(shared.WITHIN_S)
            took.append(time.monotonic() - at)
            go.set()
    return took


def idle_pool(workers, times):
    """Be idle until the gate `more` opens; return how long tasks then take to start.

    The workers have waited for longer than `idle_timeout`, and are not surplus. The tasks
    come to a pool of one worker: where several look for tasks now and then, one of them
    may look just in time.
    """
    with ThreadPool(workers, workers, idle_timeout=0.05) as pool:
        shared.outcome(pool.submit(shared.keyed, 1, key=1))
        stage.note("told")
        stage.wait("more")
    took = []
    with ThreadPool(1, 1, idle_timeout=shared.FOREVER_S) as pool:
        for _ in range(times):
            shared.until_stats(pool, idle=1)
            at = time.monotonic()
            future = pool.submit(time.monotonic)
            took.append(future.result(timeout=shared.WITHIN_S) - at)
    return [statistics.median(took), max(took)]


def no_ops(count):
    """Queue many tasks that do nothing behind held workers, and run them all."""
    with ThreadPool(4, 4) as pool:
        gate = threading.Event()
        try:
            for _ in range(4):
                pool.submit(gate.wait)  # for ever: all are in the queue at once
            futures = [pool.submit(int) for _ in range(count)]
        finally:
            gate.set()
        return [future.result(timeout=20) for future in futures].count(0)
