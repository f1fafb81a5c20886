"""SCTBench phase01: a lock is released by a task that does not hold it."""

import threading

KIND = "exception"


def _run(*, release: bool) -> None:
    first, second = threading.Lock(), threading.Lock()
    phases = [0]

    def work() -> None:
        with first:
            if release and second.locked():
                second.release()
        with second:
            phases[0] += 1

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(release=True)


def correct() -> None:
    _run(release=False)
