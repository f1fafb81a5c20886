"""SCTBench deadlock01: two locks in opposite orders."""

import threading

KIND = "deadlock"


def _run(orders: tuple[tuple[int, int], ...]) -> None:
    locks = [threading.Lock(), threading.Lock()]
    counts = [0]

    def work(first: int, second: int) -> None:
        with locks[first], locks[second]:
            counts[0] += 1

    threads = [threading.Thread(target=work, args=order) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts[0] == 2


def buggy() -> None:
    _run(((0, 1), (1, 0)))


def correct() -> None:
    _run(((0, 1), (0, 1)))
