"""A barrier built from a counter cannot be used twice."""

import threading

KIND = "deadlock"


def _run(*, ready_made: bool) -> None:
    barrier = threading.Barrier(2)
    condition = threading.Condition()
    arrived = [0]

    def wait_by_hand() -> None:
        with condition:
            arrived[0] += 1
            if arrived[0] == 2:
                arrived[0] = 0
                condition.notify_all()
            else:
                while arrived[0] != 0:
                    condition.wait()

    def work() -> None:
        for _ in range(2):
            if ready_made:
                barrier.wait()
            else:
                wait_by_hand()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(ready_made=False)


def correct() -> None:
    _run(ready_made=True)
