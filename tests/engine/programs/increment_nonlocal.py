"""The same with a variable of an enclosing function."""

import threading


def _run(*, locked: bool) -> None:
    total = 0
    lock = threading.Lock()

    def add() -> None:
        nonlocal total
        if locked:
            with lock:
                total = total + 1
        else:
            total = total + 1

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == 2


def buggy() -> None:
    _run(locked=False)


def correct() -> None:
    _run(locked=True)
