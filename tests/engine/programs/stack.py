"""SCTBench stack: the top is checked and used in two steps."""

import threading

KIND = "exception"


class Stack:
    def __init__(self) -> None:
        self.items = []
        self.lock = threading.Lock()

    def pop_unsafely(self) -> object:
        if self.items:
            return self.items.pop()
        return None

    def pop(self) -> object:
        with self.lock:
            if self.items:
                return self.items.pop()
        return None


def _run(stack: Stack, pop: object) -> None:
    stack.items.append(1)
    threads = [threading.Thread(target=pop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stack.items == []


def buggy() -> None:
    stack = Stack()
    _run(stack, stack.pop_unsafely)


def correct() -> None:
    stack = Stack()
    _run(stack, stack.pop)
