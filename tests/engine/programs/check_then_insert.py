"""jcstress check-then-react: two tasks find a key missing and both make its value."""

import threading


def _run(*, locked: bool) -> None:
    cache = {}
    made = []
    lock = threading.Lock()

    def get() -> object:
        if "key" not in cache:
            made.append(1)
            cache["key"] = object()
        return cache["key"]

    def get_locked() -> object:
        with lock:
            return get()

    target = get_locked if locked else get
    threads = [threading.Thread(target=target) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def buggy() -> None:
    _run(locked=False)


def correct() -> None:
    _run(locked=True)
