"""Two consumers see one item; the second waits for ever."""

import queue
import threading

KIND = "deadlock"


def _run(*, blocking: bool) -> None:
    items = queue.Queue()
    items.put(1)
    received = []

    def consume() -> None:
        if blocking:
            if not items.empty():
                received.append(items.get())
        else:
            try:
                received.append(items.get_nowait())
            except queue.Empty:
                return

    threads = [threading.Thread(target=consume) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert received == [1]


def buggy() -> None:
    _run(blocking=True)


def correct() -> None:
    _run(blocking=False)
