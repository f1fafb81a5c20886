"""Two tasks draw numbers from one generator."""

import threading

KIND = "exception"


def _count() -> object:
    number = 0
    state = {"last": 0}
    while True:
        number = state["last"] + 1
        state["last"] = number
        yield number


def _run(*, locked: bool) -> None:
    numbers = _count()
    lock = threading.Lock()
    drawn = []

    def draw() -> None:
        if locked:
            with lock:
                drawn.append(next(numbers))
        else:
            drawn.append(next(numbers))

    threads = [threading.Thread(target=draw) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == [1, 2]


def buggy() -> None:
    _run(locked=False)


def correct() -> None:
    _run(locked=True)
