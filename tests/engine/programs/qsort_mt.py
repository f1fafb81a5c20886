"""qsort_mt: the parent reads the halves before a helper has been waited for."""

import threading


def _run(*, wait_for_all: bool) -> None:
    numbers = [4, 1, 3, 2]
    done = threading.Semaphore(0)

    def sort(start: int, end: int) -> None:
        numbers[start:end] = sorted(numbers[start:end])
        done.release()

    threads = [
        threading.Thread(target=sort, args=(0, 2)),
        threading.Thread(target=sort, args=(2, 4)),
    ]
    for thread in threads:
        thread.start()
    done.acquire()
    if wait_for_all:
        done.acquire()
    merged = sorted(numbers[:2] + numbers[2:])
    assert numbers == [1, 4, 2, 3]
    assert merged == [1, 2, 3, 4]
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(wait_for_all=False)


def correct() -> None:
    _run(wait_for_all=True)
