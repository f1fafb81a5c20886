"""A readers-writer lock whose writer does not wait for readers that came first."""

import threading


class ReadersWriter:
    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.readers = 0
        self.writing = False

    def read_begin(self) -> None:
        with self.condition:
            while self.writing:
                self.condition.wait()
            self.readers += 1

    def read_end(self) -> None:
        with self.condition:
            self.readers -= 1
            self.condition.notify_all()

    def write_begin(self, *, wait_for_readers: bool) -> None:
        with self.condition:
            while self.writing or (wait_for_readers and self.readers):
                self.condition.wait()
            self.writing = True

    def write_end(self) -> None:
        with self.condition:
            self.writing = False
            self.condition.notify_all()


def _run(*, wait_for_readers: bool) -> None:
    lock = ReadersWriter()
    data = [0, 0]

    def read() -> None:
        lock.read_begin()
        assert data[0] == data[1]
        lock.read_end()

    def write() -> None:
        lock.write_begin(wait_for_readers=wait_for_readers)
        data[0] += 1
        data[1] += 1
        lock.write_end()

    threads = [threading.Thread(target=target) for target in (read, write, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(wait_for_readers=False)


def correct() -> None:
    _run(wait_for_readers=True)
