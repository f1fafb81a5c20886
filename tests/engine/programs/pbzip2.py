"""pbzip2: the queue's lock is destroyed while a consumer still uses it."""

import threading

KIND = "exception"


class Fifo:
    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.blocks = []


def _run(*, join_before: bool) -> None:
    fifo = Fifo()
    finished = threading.Event()

    def consume() -> None:
        finished.wait()
        with fifo.mutex:
            fifo.blocks.clear()

    consumer = threading.Thread(target=consume)
    consumer.start()
    with fifo.mutex:
        fifo.blocks.append("data")
    finished.set()
    if join_before:
        consumer.join()
    fifo.mutex = None
    consumer.join()


def buggy() -> None:
    _run(join_before=False)


def correct() -> None:
    _run(join_before=True)
