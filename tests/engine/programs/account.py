"""SCTBench account: a balance is read and written back without its lock."""

import threading


class Account:
    def __init__(self) -> None:
        self.balance = 100
        self.lock = threading.Lock()

    def deposit(self, amount: int) -> None:
        with self.lock:
            self.balance += amount

    def withdraw_unlocked(self, amount: int) -> None:
        balance = self.balance
        self.balance = balance - amount

    def withdraw(self, amount: int) -> None:
        with self.lock:
            self.balance -= amount


def _run(account: Account, withdraw: object) -> None:
    threads = [
        threading.Thread(target=account.deposit, args=(50,)),
        threading.Thread(target=withdraw, args=(30,)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance == 120


def buggy() -> None:
    account = Account()
    _run(account, account.withdraw_unlocked)


def correct() -> None:
    account = Account()
    _run(account, account.withdraw)
