"""A flag is checked outside the lock under which the waiter goes to sleep."""

import threading

KIND = "deadlock"


def _run(*, check_inside: bool) -> None:
    condition = threading.Condition()
    ready = [False]

    def signal() -> None:
        with condition:
            ready[0] = True
            condition.notify()

    def wait() -> None:
        if check_inside:
            with condition:
                while not ready[0]:
                    condition.wait()
        elif not ready[0]:
            with condition:
                condition.wait()

    threads = [threading.Thread(target=wait), threading.Thread(target=signal)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(check_inside=False)


def correct() -> None:
    _run(check_inside=True)
