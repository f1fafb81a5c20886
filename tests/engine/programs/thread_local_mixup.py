"""State that belongs to one task is kept where all tasks see it."""

import threading
import types


def _run(context: object) -> None:
    seen = []

    def handle(user: str) -> None:
        context.user = user
        seen.append((user, context.user))

    threads = [threading.Thread(target=handle, args=(user,)) for user in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(expected == found for expected, found in seen)


def buggy() -> None:
    _run(types.SimpleNamespace())


def correct() -> None:
    _run(threading.local())
