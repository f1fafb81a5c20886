"""The answer of a wait with a timeout is not looked at."""

import threading
import time


def _run(*, look: bool) -> None:
    done = threading.Event()
    result = []

    def work() -> None:
        time.sleep(2)
        result.append(1)
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.wait(timeout=1) and look:
        pass
    assert result == [1]
    worker.join()


def buggy() -> None:
    _run(look=False)


def correct() -> None:
    _run(look=True)
