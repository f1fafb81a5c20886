"""The tiny exercise for plain pytest: everything in one process."""

import random
import threading

from solution import Counter


def from_threads(threads, adds):
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


def test_it_starts_at_zero():
    assert Counter().value() == 0


def test_it_counts():
    adds = [random.randrange(1, 100) for _ in range(20)]
    counter = Counter()
    for n in adds:
        counter.add(n)
    assert counter.value() == sum(adds)


def test_no_increment_is_lost():
    assert from_threads(8, 500) == 4000


def test_many_threads_end():
    assert from_threads(32, 50) == 1600
