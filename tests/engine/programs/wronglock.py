"""SCTBench wronglock: one task protects the data with another lock than the others."""

import threading

OTHERS = 1


def _run(*, same_lock: bool) -> None:
    right, wrong = threading.Lock(), threading.Lock()
    data = [0]

    def add(lock: object) -> None:
        with lock:
            before = data[0]
            data[0] = before + 1
            assert data[0] == before + 1

    threads = [threading.Thread(target=add, args=(right,))]
    for _ in range(OTHERS):
        lock = right if same_lock else wrong
        threads.append(threading.Thread(target=add, args=(lock,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert data[0] == 1 + OTHERS


def buggy() -> None:
    _run(same_lock=False)


def correct() -> None:
    _run(same_lock=True)
