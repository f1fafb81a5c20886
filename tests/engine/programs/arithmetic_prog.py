"""SCTBench arithmetic_prog: a sum is published before it is complete."""

import threading


def _run(*, publish_early: bool) -> None:
    ready = threading.Event()
    totals = [0]

    def add() -> None:
        for number in range(1, 4):
            if publish_early and number == 3:
                ready.set()
            totals[0] += number
        ready.set()

    adder = threading.Thread(target=add)
    adder.start()
    ready.wait()
    assert totals[0] == 6
    adder.join()


def buggy() -> None:
    _run(publish_early=True)


def correct() -> None:
    _run(publish_early=False)
