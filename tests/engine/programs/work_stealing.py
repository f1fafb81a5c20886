"""WSQ: owner and thief take the last item of a work-stealing queue both."""

import threading


class Deque:
    def __init__(self) -> None:
        self.items = ["a", "b"]
        self.head = 0
        self.tail = 2
        self.lock = threading.Lock()

    def steal(self) -> object:
        with self.lock:
            head = self.head
            if head < self.tail:
                self.head = head + 1
                return self.items[head]
            return None

    def pop_unsafely(self) -> object:
        tail = self.tail - 1
        if self.head <= tail:
            self.tail = tail
            return self.items[tail]
        return None

    def pop(self) -> object:
        with self.lock:
            return self.pop_unsafely()


def _run(pop_name: str) -> None:
    deque = Deque()
    taken = []

    def own() -> None:
        for _ in range(2):
            taken.append(getattr(deque, pop_name)())

    def steal() -> None:
        taken.append(deque.steal())

    threads = [threading.Thread(target=own), threading.Thread(target=steal)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    items = [item for item in taken if item is not None]
    assert sorted(items) == ["a", "b"]


def buggy() -> None:
    _run("pop_unsafely")


def correct() -> None:
    _run("pop")
