"""Two transfers lock the same accounts in opposite orders."""

import threading

KIND = "deadlock"


class Account:
    def __init__(self, number: int) -> None:
        self.number = number
        self.balance = 10
        self.lock = threading.Lock()


def _transfer(source: Account, target: Account, *, ordered: bool) -> None:
    first, second = source, target
    if ordered and second.number < first.number:
        first, second = second, first
    with first.lock, second.lock:
        source.balance -= 1
        target.balance += 1


def _run(*, ordered: bool) -> None:
    a, b = Account(1), Account(2)
    threads = [
        threading.Thread(target=_transfer, args=pair, kwargs={"ordered": ordered})
        for pair in ((a, b), (b, a))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert a.balance + b.balance == 20


def buggy() -> None:
    _run(ordered=False)


def correct() -> None:
    _run(ordered=True)
