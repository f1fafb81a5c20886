"""The first of two producers sends the sentinel: later items are never read."""

import queue
import threading


def _run(*, after_all: bool) -> None:
    items = queue.Queue()
    received = []

    def produce(item: int) -> None:
        items.put(item)
        if not after_all and item == 0:
            items.put(None)

    def consume() -> None:
        while (item := items.get()) is not None:
            received.append(item)

    producers = [threading.Thread(target=produce, args=(item,)) for item in range(2)]
    consumer = threading.Thread(target=consume)
    consumer.start()
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    if after_all:
        items.put(None)
    consumer.join()
    assert sorted(received) == [0, 1]


def buggy() -> None:
    _run(after_all=False)


def correct() -> None:
    _run(after_all=True)
