"""SCTBench lazy01: a third task expects that both others have not finished yet."""

import threading


def _run(*, limit: int) -> None:
    lock = threading.Lock()
    data = [0]

    def add(amount: int) -> None:
        with lock:
            data[0] += amount

    def check() -> None:
        with lock:
            assert data[0] < limit

    threads = [
        threading.Thread(target=add, args=(1,)),
        threading.Thread(target=add, args=(2,)),
        threading.Thread(target=check),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(limit=3)


def correct() -> None:
    _run(limit=4)
