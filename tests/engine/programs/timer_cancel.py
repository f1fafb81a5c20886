"""A timer is cancelled when the work is done, and may have fired just before."""

import threading
import time


def _run(*, decide_once: bool) -> None:
    lock = threading.Lock()
    outcome = []

    def finish(result: str) -> None:
        with lock:
            if not decide_once or not outcome:
                outcome.append(result)

    timer = threading.Timer(1.0, finish, args=("late",))
    timer.start()
    time.sleep(1.0)
    finish("done")
    timer.cancel()
    timer.join()
    assert len(outcome) == 1


def buggy() -> None:
    _run(decide_once=False)


def correct() -> None:
    _run(decide_once=True)
