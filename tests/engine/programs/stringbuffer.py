"""Java's StringBuffer.append: the other buffer shrinks between length and copy."""

import threading

KIND = "exception"


class Buffer:
    def __init__(self, text: str) -> None:
        self.lock = threading.RLock()
        self.chars = list(text)

    def length(self) -> int:
        with self.lock:
            return len(self.chars)

    def get(self, end: int) -> list[str]:
        with self.lock:
            return [self.chars[index] for index in range(end)]

    def erase(self) -> None:
        with self.lock:
            del self.chars[:]

    def append(self, other: "Buffer") -> None:
        with self.lock:
            end = other.length()
            self.chars.extend(other.get(end))

    def append_locking_both(self, other: "Buffer") -> None:
        with self.lock, other.lock:
            self.append(other)


def _run(append: str) -> None:
    target, source = Buffer("abc"), Buffer("xyz")
    threads = [
        threading.Thread(target=getattr(target, append), args=(source,)),
        threading.Thread(target=source.erase),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run("append")


def correct() -> None:
    _run("append_locking_both")
