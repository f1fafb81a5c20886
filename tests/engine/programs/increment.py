"""jcstress read-modify-write: the bare `+= 1` that stress tests never catch."""

import threading


class Counter:
    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()

    def add_unlocked(self) -> None:
        self.value += 1

    def add(self) -> None:
        with self.lock:
            self.value += 1


def _run(name: str) -> None:
    counter = Counter()
    threads = [threading.Thread(target=getattr(counter, name)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2


def buggy() -> None:
    _run("add_unlocked")


def correct() -> None:
    _run("add")
