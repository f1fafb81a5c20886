"""SCTBench circular_buffer: the reader trusts an index that is ahead of its data."""

import threading


class Buffer:
    def __init__(self) -> None:
        self.cells = [None] * 4
        self.first = 0
        self.next = 0

    def put_index_first(self, value: int) -> None:
        place = self.next
        self.next = (place + 1) % 4
        self.cells[place] = value

    def put(self, value: int) -> None:
        self.cells[self.next] = value
        self.next = (self.next + 1) % 4

    def get(self) -> object:
        if self.next == self.first:
            return "empty"
        value = self.cells[self.first]
        self.first = (self.first + 1) % 4
        return value


def _run(buffer: Buffer, put: object) -> None:
    def send() -> None:
        for value in range(3):
            put(value)

    received = []

    def receive() -> None:
        for _ in range(4):
            value = buffer.get()
            if value != "empty":
                received.append(value)

    threads = [threading.Thread(target=send), threading.Thread(target=receive)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert received == list(range(len(received)))


def buggy() -> None:
    buffer = Buffer()
    _run(buffer, buffer.put_index_first)


def correct() -> None:
    buffer = Buffer()
    _run(buffer, buffer.put)
