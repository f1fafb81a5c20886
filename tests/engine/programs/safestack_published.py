"""SafeStack as Vyukov published it: two tasks come to own one cell.

Three tasks pop and push two times each; a task that gets no cell asks again. No failing
schedule has fewer than seven preemptions; `test_safestack.py` has one.
"""

import threading

HARD = True
TASKS = 3
ROUNDS = 2


class Atomic:
    def __init__(self, value: int) -> None:
        self.value = value
        self.mutex = threading.Lock()

    def load(self) -> int:
        with self.mutex:
            return self.value

    def exchange(self, new: int) -> int:
        with self.mutex:
            old, self.value = self.value, new
            return old

    def compare_exchange(self, expected: int, new: int) -> int:
        with self.mutex:
            seen = self.value
            if seen == expected:
                self.value = new
            return seen

    def add(self, amount: int) -> None:
        with self.mutex:
            self.value += amount


class SafeStack:
    def __init__(self, size: int) -> None:
        self.next = [Atomic(index) for index in (*range(1, size), -1)]
        self.head = Atomic(0)
        self.count = Atomic(size)

    def pop(self) -> int:
        while self.count.load() > 1:
            head = self.head.load()
            following = self.next[head].exchange(-1)
            if following >= 0:
                if self.head.compare_exchange(head, following) == head:
                    self.count.add(-1)
                    return head
                self.next[head].exchange(following)
        return -1

    def push(self, index: int) -> None:
        head = self.head.load()
        while True:
            self.next[index].exchange(head)
            seen = self.head.compare_exchange(head, index)
            if seen == head:
                break
            head = seen
        self.count.add(1)


class Cell:
    owner = -1


class LockedStack(SafeStack):
    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.mutex = threading.Lock()

    def pop(self) -> int:
        with self.mutex:
            return super().pop()

    def push(self, index: int) -> None:
        with self.mutex:
            super().push(index)


def _run(stack: SafeStack) -> None:
    cells = [Cell() for _ in range(TASKS)]

    def work(task: int) -> None:
        for _ in range(ROUNDS):
            index = stack.pop()
            while index < 0:
                index = stack.pop()
            cells[index].owner = task
            assert cells[index].owner == task
            stack.push(index)

    threads = [threading.Thread(target=work, args=(task,)) for task in range(TASKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(SafeStack(TASKS))


def correct() -> None:
    _run(LockedStack(TASKS))
