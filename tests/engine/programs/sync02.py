"""SCTBench sync02: one condition for two directions, and only one waiter is woken."""

import threading

KIND = "deadlock"


def _run(*, wake_all: bool) -> None:
    condition = threading.Condition()
    slots = []

    def wake() -> None:
        if wake_all:
            condition.notify_all()
        else:
            condition.notify()

    def put() -> None:
        with condition:
            while slots:
                condition.wait()
            slots.append(1)
            wake()

    def take() -> None:
        with condition:
            while not slots:
                condition.wait()
            slots.pop()
            wake()

    threads = [threading.Thread(target=target) for target in (take, take, put, put)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(wake_all=False)


def correct() -> None:
    _run(wake_all=True)
