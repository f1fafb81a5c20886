"""`task_done` is skipped when an item is bad; join never returns."""

import queue
import threading

KIND = "deadlock"


def _run(*, in_finally: bool) -> None:
    items = queue.Queue()

    def consume() -> None:
        while True:
            item = items.get()
            if in_finally:
                items.task_done()
            if item < 0:
                continue
            if not in_finally:
                items.task_done()

    threading.Thread(target=consume, daemon=True).start()
    for item in (1, -1, 2):
        items.put(item)
    items.join()


def buggy() -> None:
    _run(in_finally=False)


def correct() -> None:
    _run(in_finally=True)
