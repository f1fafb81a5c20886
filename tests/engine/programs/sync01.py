"""SCTBench sync01: a consumer waits for a signal that was given before."""

import threading

KIND = "deadlock"


def _run(*, check_first: bool) -> None:
    condition = threading.Condition()
    items = []

    def produce() -> None:
        with condition:
            items.append(1)
            condition.notify()

    def consume() -> None:
        with condition:
            if check_first:
                while not items:
                    condition.wait()
            else:
                condition.wait()
            items.pop()

    threads = [threading.Thread(target=consume), threading.Thread(target=produce)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(check_first=False)


def correct() -> None:
    _run(check_first=True)
