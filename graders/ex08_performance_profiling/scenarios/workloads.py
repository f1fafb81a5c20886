# ruff: noqa: D102, D103, PERF401
"""Work to be profiled.

The loops call nothing, so that a profile hook costs them nothing, and count with small
numbers that Python keeps ready, so that a watch on memory costs them nothing either.
"""

import queue
import threading
import time
from itertools import repeat


def alpha(loops):
    total = 0
    for _ in repeat(None, 6 * loops):
        total = (total + 3) & 127
    return total


def beta(loops):
    total = 0
    for _ in repeat(None, 3 * loops):
        total = (total + 3) & 127
    return total


def gamma(loops):
    total = 0
    for _ in repeat(None, loops):
        total = (total + 3) & 127
    return total


def through(job, *args):
    return job(*args)


def ping(depth, loops):
    """Call itself through another function; the work is done at the bottom."""
    if depth:
        return pong(depth, loops)
    total = 0
    for _ in repeat(None, loops):
        total = (total + 3) & 127
    return total


def pong(depth, loops):
    return ping(depth - 1, loops)


def in_threads(*jobs):
    """Run each job, a function with its arguments, in a thread of its own."""
    threads = [threading.Thread(target=job, args=args) for job, *args in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def tick():
    return None


def ticks(times):
    for _ in range(times):
        tick()


class Own(threading.Thread):
    """A thread whose first function is ours."""

    def run(self):
        tick()


def dive(depth):
    return dive(depth - 1) if depth else 0


# Three programs with one function that works, and others that wait.


def crunch(loops):
    total = 0
    for _ in repeat(None, loops):
        total = (total + 7) & 127
    return total


def nap(seconds):
    time.sleep(seconds)  # noqa: TID251 - a wait to be seen, not an order of events


def crunches_while_others_nap(loops):
    in_threads((crunch, loops), (nap, 0.3), (nap, 0.3))


def digest(loops):
    value = 1
    for _ in repeat(None, loops):
        value = (value ^ 85) & 127
    return value


def consume(items):
    while items.get() is not None:
        pass


def feed(items, loops):
    for _ in range(20):
        digest(loops // 20)
        items.put(1)
    items.put(None)


def digests_for_a_waiting_consumer(loops):
    items = queue.Queue()
    in_threads((consume, items), (feed, items, loops))


def climb(loops):
    total = 0
    for _ in repeat(None, loops):
        total = (total + 1) & 63
    return total


def guarded(lock):
    with lock:
        pass


def climbs_while_others_want_a_lock(loops):
    lock = threading.Lock()
    with lock:
        waiting = [threading.Thread(target=guarded, args=(lock,)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        climb(loops)
    for thread in waiting:
        thread.join()


PROGRAMS = {
    "crunch": crunches_while_others_nap,
    "digest": digests_for_a_waiting_consumer,
    "climb": climbs_while_others_want_a_lock,
}


# Three functions with one expensive line each; its distance from `def` is the value.


def sums(size):
    total = 0
    for i in range(50):
        total += i
    total += sum(range(size))
    return total


def sorts(size):
    numbers = [i * 7919 % 1009 for i in range(50)]
    largest = max(numbers)
    ordered = sorted(str(i) for i in range(size // 8))
    return largest, len(ordered)


def joins(size):
    words = []
    for i in range(40):
        words.append(str(i))
    text = "".join(words)
    count = len(",".join(map(str, range(size // 2))))
    return text, count


def digs(depth):
    if depth:
        digs(depth - 1)
    return sum(range(20_000))


HOT = {"sums": (sums, 4), "sorts": (sorts, 3), "joins": (joins, 5)}
