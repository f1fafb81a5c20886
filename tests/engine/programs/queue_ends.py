"""SCTBench queue: producer and consumer agree on a flag that is not protected."""

import threading


class Store:
    def __init__(self) -> None:
        self.items = []
        self.lock = threading.Lock()
        self.flag = True


def _run(*, trust_flag: bool) -> None:
    store = Store()
    received = []

    def produce() -> None:
        for item in range(2):
            with store.lock:
                store.items.append(item)
        store.flag = False

    def consume() -> None:
        while True:
            done = not store.flag
            with store.lock:
                if store.items:
                    received.append(store.items.pop(0))
                    continue
            if not trust_flag:
                done = done and not store.items
            elif not store.flag:
                return
            if done:
                return

    threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert received == [0, 1]


def buggy() -> None:
    _run(trust_flag=True)


def correct() -> None:
    _run(trust_flag=False)
