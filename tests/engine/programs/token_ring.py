"""SCTBench token_ring: each task copies its neighbour's value; all should agree."""

import threading


def _run(*, in_turn: bool) -> None:
    values = [1, 2, 3, 4]
    lock = threading.Lock()

    def copy(place: int) -> None:
        with lock:
            values[place] = values[place - 1]

    threads = [threading.Thread(target=copy, args=(place,)) for place in (1, 2, 3)]
    for thread in threads:
        thread.start()
        if in_turn:
            thread.join()
    for thread in threads:
        thread.join()
    assert values == [1, 1, 1, 1]


def buggy() -> None:
    _run(in_turn=False)


def correct() -> None:
    _run(in_turn=True)
