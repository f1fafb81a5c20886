"""ctrace: a table of threads is initialised by whoever finds it missing."""

import threading


class Tracer:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.table = None

    def log_unsafely(self, text: str) -> None:
        if self.table is None:
            self.table = []
        self.table.append(text)

    def log(self, text: str) -> None:
        with self.lock:
            self.log_unsafely(text)


def _run(name: str) -> None:
    tracer = Tracer()
    threads = [
        threading.Thread(target=getattr(tracer, name), args=(text,)) for text in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tracer.table) == ["a", "b"]


def buggy() -> None:
    _run("log_unsafely")


def correct() -> None:
    _run("log")
