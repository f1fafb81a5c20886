"""boundedBuffer: `if` instead of `while` around wait, with two consumers."""

import threading

KIND = "exception"


class Buffer:
    def __init__(self) -> None:
        self.items = []
        self.condition = threading.Condition()

    def put(self, item: int) -> None:
        with self.condition:
            self.items.append(item)
            self.condition.notify()

    def take_once_checked(self) -> int:
        with self.condition:
            if not self.items:
                self.condition.wait()
            return self.items.pop()

    def take(self) -> int:
        with self.condition:
            while not self.items:
                self.condition.wait()
            return self.items.pop()


def _run(take_name: str) -> None:
    buffer = Buffer()

    def consume() -> None:
        getattr(buffer, take_name)()

    def produce() -> None:
        for item in range(2):
            buffer.put(item)

    threads = [threading.Thread(target=consume) for _ in range(2)]
    threads.append(threading.Thread(target=produce))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run("take_once_checked")


def correct() -> None:
    _run("take")
