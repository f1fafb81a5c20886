"""Driver code for the counter."""

import threading

from solution import Counter


def fresh_value():
    """Return the value of a new counter."""
    return Counter().value()


def after(adds):
    """Return the value after some adds in one thread."""
    counter = Counter()
    for n in adds:
        counter.add(n)
    return counter.value()


def from_threads(threads, adds):
    """Return the value after adds from several threads."""
    counter = Counter()

    def work():
        for _ in range(adds):
            counter.add()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return counter.value()
