"""The tiny exercise for gradescope-utils, as its documentation sets it up."""

import random
import sys
import threading
import unittest
from pathlib import Path

from gradescope_utils.autograder_utils.decorators import number, weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

sys.path.insert(0, sys.argv[1])
from solution import Counter  # noqa: E402


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


class TestCounter(unittest.TestCase):
    @weight(25)
    @number("1")
    def test_it_starts_at_zero(self):
        self.assertEqual(Counter().value(), 0)

    @weight(25)
    @number("2")
    def test_it_counts(self):
        adds = [random.randrange(1, 100) for _ in range(20)]
        counter = Counter()
        for n in adds:
            counter.add(n)
        self.assertEqual(counter.value(), sum(adds))

    @weight(25)
    @number("3")
    def test_no_increment_is_lost(self):
        self.assertEqual(from_threads(8, 500), 4000)

    @weight(25)
    @number("4")
    def test_many_threads_end(self):
        self.assertEqual(from_threads(32, 50), 1600)


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestCounter)
    with Path(sys.argv[2]).open("w") as results:
        JSONTestRunner(visibility="visible", stream=results).run(suite)
