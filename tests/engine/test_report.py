"""What a student reads, pinned whole."""

from __future__ import annotations

from racecourse.engine import Verdict, explore_source

LOST_UPDATE = """\
import threading


class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        current = self.value
        self.value = current + 1


def program():
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2, f"the total was {counter.value}"
"""

LOST_UPDATE_TOLD = """\
An assertion of the program did not hold: the total was 1

main                             Thread-1 (add)                   Thread-2 (add)
----                             --------------                   --------------
   6  self.value = 0
      writes self.value: 0
                                    9  current = self.value
                                       reads self.value: 0
                                                                     9  current = self.value
                                                                        reads self.value: 0
                                                                    10  self.value = current + 1
                                                                        writes self.value: 1
                                   10  self.value = current + 1
                                       writes self.value: 1
  20  assert counter.value == …
      reads counter.value: 1
      raises AssertionError"""

DEADLOCK = """\
import threading


def program():
    left, right = threading.Lock(), threading.Lock()

    def work(first, second):
        with first:
            with second:
                pass

    threads = [
        threading.Thread(target=work, args=(left, right)),
        threading.Thread(target=work, args=(right, left)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

DEADLOCK_TOLD = """\
Deadlock: every task waits, and nobody is left to wake them.

Thread-1 (work)                  Thread-2 (work)
---------------                  ---------------
   8  with first:
      takes the lock first
                                    8  with first:
                                       takes the lock first
                                    9  with second:
                                       waits for the lock second

main waits in line 19 for the end of Thread-1 (work).
Thread-1 (work) waits in line 9 for the lock second, held by Thread-2 (work) since line 8.
Thread-2 (work) waits in line 9 for the lock second, held by Thread-1 (work) since line 8."""


def test_a_lost_update_is_told_line_by_line_with_its_values():
    report = explore_source(LOST_UPDATE)
    assert report.explanation == LOST_UPDATE_TOLD


def test_a_deadlock_tells_who_waits_for_whom_and_since_which_line():
    report = explore_source(DEADLOCK)
    assert report.explanation == DEADLOCK_TOLD


def test_a_race_is_named_though_it_is_no_proof():
    source = LOST_UPDATE.replace("== 2", "in (1, 2)")
    report = explore_source(source)
    assert report.verdict is Verdict.NOTHING_FOUND
    assert str(report.races[0]) == (
        "self.value in line 9 and self.value in line 10 are not ordered by any lock, "
        "start or join"
    )
