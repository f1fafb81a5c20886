"""SafeStack as Vyukov published it: two tasks come to own one cell.

Three tasks pop and push two times each; a task that gets no cell asks again. The
failing schedule needs five preemptions at the right places, and is known as hard.
"""

import threading

TASKS = 3
ROUNDS = 2


class Atomic:
    def __init__(self, value: int) -> None:
        self.value = value
        self.lock = threading.Lock()

    def load(self) -> int:
        with self.lock:
            return self.value

    def exchange(self, new: int) -> int:
        with self.lock:
            old, self.value = self.value, new
            return old

    def compare_exchange(self, expected: int, new: int) -> int:
        with self.lock:
            seen = self.value
            if seen == expected:
                self.value = new
            return seen

    def add(self, amount: int) -> None:
        with self.lock:
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


class LockedStack(SafeStack):
    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.lock = threading.Lock()

    def pop(self) -> int:
        with self.lock:
            return super().pop()

    def push(self, index: int) -> None:
        with self.lock:
            super().push(index)


def _run(stack: SafeStack) -> None:
    owner = [-1] * TASKS

    def work(task: int) -> None:
        for _ in range(ROUNDS):
            cell = stack.pop()
            while cell < 0:
                cell = stack.pop()
            owner[cell] = task
            assert owner[cell] == task
            stack.push(cell)

    threads = [threading.Thread(target=work, args=(task,)) for task in range(TASKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(SafeStack(TASKS))


def correct() -> None:
    _run(LockedStack(TASKS))
