"""SafeStack (Vyukov): three tasks share cells; known as hard.

The published failure, two owners of one cell, needs many alternations. This port
also has a nearer one: a cell is left marked as taken, and everybody spins on it.
"""

import threading

KIND = "livelock"


class SafeStack:
    def __init__(self, size: int) -> None:
        self.atomic = threading.Lock()
        self.next = [*range(1, size), -1]
        self.head = 0
        self.count = size

    def exchange_next(self, index: int, value: int) -> int:
        with self.atomic:
            old, self.next[index] = self.next[index], value
        return old

    def swap_head(self, expected: int, value: int) -> bool:
        with self.atomic:
            if self.head != expected:
                return False
            self.head = value
            return True

    def add_count(self, amount: int) -> None:
        with self.atomic:
            self.count += amount

    def pop(self) -> int:
        while self.count > 1:
            head = self.head
            following = self.exchange_next(head, -1)
            if following >= 0:
                if self.swap_head(head, following):
                    self.add_count(-1)
                    return head
                self.exchange_next(head, following)
        return -1

    def push(self, index: int) -> None:
        head = self.head
        self.next[index] = head
        while not self.swap_head(head, index):
            head = self.head
            self.next[index] = head
        self.add_count(1)


def _run(*, locked: bool) -> None:
    stack = SafeStack(3)
    lock = threading.Lock()
    owners = [0, 0, 0]

    def work() -> None:
        for _ in range(2):
            if locked:
                with lock:
                    item = stack.pop()
            else:
                item = stack.pop()
            if item < 0:
                continue
            owners[item] += 1
            assert owners[item] == 1
            owners[item] -= 1
            if locked:
                with lock:
                    stack.push(item)
            else:
                stack.push(item)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(locked=False)


def correct() -> None:
    _run(locked=True)
