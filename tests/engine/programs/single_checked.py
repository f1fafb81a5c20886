"""A singleton without the second check: two tasks build it, one of them twice."""

import threading


class Registry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.instance = None
        self.built = 0

    def get(self, *, check_again: bool) -> object:
        if self.instance is None:
            with self.lock:
                if not check_again or self.instance is None:
                    self.built += 1
                    self.instance = object()
        return self.instance


def _run(*, check_again: bool) -> None:
    registry = Registry()
    threads = [
        threading.Thread(target=registry.get, kwargs={"check_again": check_again})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.built == 1


def buggy() -> None:
    _run(check_again=False)


def correct() -> None:
    _run(check_again=True)
