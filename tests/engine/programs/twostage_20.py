"""SCTBench twostage_20: two values under two locks, written in two stages."""

import threading

PAIRS = 10


def _run(*, one_stage: bool) -> None:
    first_lock, second_lock = threading.Lock(), threading.Lock()
    data = {"first": 0, "second": 0}

    def write() -> None:
        with first_lock:
            data["first"] = 1
            if one_stage:
                with second_lock:
                    data["second"] = data["first"] + 1
        if not one_stage:
            with second_lock:
                data["second"] = data["first"] + 1

    def check() -> None:
        with first_lock:
            first = data["first"]
            if first == 0:
                return
        with second_lock:
            assert data["second"] == first + 1

    threads = []
    for _ in range(PAIRS):
        threads.append(threading.Thread(target=write))
        threads.append(threading.Thread(target=check))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(one_stage=False)


def correct() -> None:
    _run(one_stage=True)
