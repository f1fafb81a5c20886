"""The tiny exercise for check50."""

import random
import threading

import check50
import check50.py


def from_threads(counter, threads, adds):
    def work():
        for _ in range(adds):
            counter.add()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return counter.value()


@check50.check()
def starts_at_zero():
    """It starts at zero"""
    value = check50.py.import_("solution.py").Counter().value()
    if value != 0:
        raise check50.Mismatch("0", str(value))


@check50.check()
def counts():
    """It counts"""
    adds = [random.randrange(1, 100) for _ in range(20)]
    counter = check50.py.import_("solution.py").Counter()
    for n in adds:
        counter.add(n)
    if counter.value() != sum(adds):
        raise check50.Mismatch(str(sum(adds)), str(counter.value()))


@check50.check()
def no_increment_is_lost():
    """No increment is lost"""
    value = from_threads(check50.py.import_("solution.py").Counter(), 8, 500)
    if value != 4000:
        raise check50.Mismatch("4000", str(value))


@check50.check()
def many_threads_end():
    """Many threads end"""
    value = from_threads(check50.py.import_("solution.py").Counter(), 32, 50)
    if value != 1600:
        raise check50.Mismatch("1600", str(value))
