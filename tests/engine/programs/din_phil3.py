"""SCTBench din_phil3: 3 philosophers, each takes the left fork first."""

import threading

KIND = "deadlock"
SEATS = 3


def _run(*, ordered: bool) -> None:
    forks = [threading.Lock() for _ in range(SEATS)]
    meals = [0] * SEATS

    def dine(seat: int) -> None:
        left, right = seat, (seat + 1) % SEATS
        if ordered and left > right:
            left, right = right, left
        with forks[left], forks[right]:
            meals[seat] += 1

    threads = [threading.Thread(target=dine, args=(seat,)) for seat in range(SEATS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meals == [1] * SEATS


def buggy() -> None:
    _run(ordered=False)


def correct() -> None:
    _run(ordered=True)
