"""SCTBench reorder_10: 9 setters write two fields, one checker sees them torn."""

import threading

SETTERS = 9


def _run(*, locked: bool) -> None:
    fields = {"a": 0, "b": 0}
    lock = threading.Lock()

    def set_both() -> None:
        if locked:
            with lock:
                fields["a"] = 1
                fields["b"] = -1
        else:
            fields["a"] = 1
            fields["b"] = -1

    def check() -> None:
        if locked:
            with lock:
                a, b = fields["a"], fields["b"]
        else:
            a, b = fields["a"], fields["b"]
        assert (a, b) in ((0, 0), (1, -1))

    threads = [threading.Thread(target=set_both) for _ in range(SETTERS)]
    threads.append(threading.Thread(target=check))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(locked=False)


def correct() -> None:
    _run(locked=True)
