"""A total is read between two writes that belong together."""

import threading


class Book:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.cash = 10
        self.debt = 0

    def borrow(self) -> None:
        with self.lock:
            self.debt += 5
            self.cash += 5

    def worth_unlocked(self) -> int:
        return self.cash - self.debt

    def worth(self) -> int:
        with self.lock:
            return self.cash - self.debt


def _run(name: str) -> None:
    book = Book()
    threads = [threading.Thread(target=book.borrow)]
    for thread in threads:
        thread.start()
    assert getattr(book, name)() == 10
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run("worth_unlocked")


def correct() -> None:
    _run("worth")
