"""A spin lock whose test and set are two steps; the twin spins on a real try-lock."""

import threading


def _run(*, atomic: bool) -> None:
    taken = [False]
    real = threading.Lock()
    total = [0]

    def lock() -> None:
        if atomic:
            while not real.acquire(blocking=False):
                pass
            return
        while taken[0]:
            pass
        taken[0] = True

    def unlock() -> None:
        if atomic:
            real.release()
        else:
            taken[0] = False

    def work() -> None:
        lock()
        total[0] += 1
        unlock()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total[0] == 2


def buggy() -> None:
    _run(atomic=False)


def correct() -> None:
    _run(atomic=True)
