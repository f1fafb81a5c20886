"""`while not queue.empty()` ends a consumer that was only early."""

import queue
import threading


def _run(*, sentinel: bool) -> None:
    items = queue.Queue(maxsize=1)
    received = []

    def produce() -> None:
        for item in range(2):
            items.put(item)
        if sentinel:
            items.put(None)

    def consume() -> None:
        if sentinel:
            received.extend(iter(items.get, None))
        else:
            while not items.empty():
                received.append(items.get())

    producer = threading.Thread(target=produce, daemon=True)
    consumer = threading.Thread(target=consume)
    producer.start()
    consumer.start()
    consumer.join()
    assert received == [0, 1]


def buggy() -> None:
    _run(sentinel=False)


def correct() -> None:
    _run(sentinel=True)
