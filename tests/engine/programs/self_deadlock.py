"""A method under a plain lock calls another one under the same lock."""

import threading

KIND = "deadlock"


def _run(lock: object) -> None:
    total = [0]

    def add(amount: int) -> None:
        with lock:
            total[0] += amount

    def add_twice() -> None:
        with lock:
            add(1)
            add(1)

    threads = [threading.Thread(target=add_twice) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total[0] == 4


def buggy() -> None:
    _run(threading.Lock())


def correct() -> None:
    _run(threading.RLock())
