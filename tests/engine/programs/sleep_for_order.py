"""A sleep stands in for waiting: it orders nothing."""

import threading
import time


def _run(*, join: bool) -> None:
    result = []

    def work() -> None:
        partial = [1]
        for number in (2, 3):
            partial.append(number)
        result.append(sum(partial))

    worker = threading.Thread(target=work)
    worker.start()
    if join:
        worker.join()
    else:
        time.sleep(0.5)
    assert result == [6]
    worker.join()


def buggy() -> None:
    _run(join=False)


def correct() -> None:
    _run(join=True)
