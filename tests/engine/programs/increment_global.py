"""The same with a global variable; the module must start afresh in every execution."""

import threading

total = 0
lock = threading.Lock()


def _add_unlocked() -> None:
    global total
    total += 1


def _add() -> None:
    with lock:
        _add_unlocked()


def _run(target: object) -> None:
    threads = [threading.Thread(target=target) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == 2


def buggy() -> None:
    _run(_add_unlocked)


def correct() -> None:
    _run(_add)
