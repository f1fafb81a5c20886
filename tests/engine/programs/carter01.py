"""SCTBench carter01: the second of two users takes a lock that the first still needs."""

import threading

KIND = "deadlock"


class Shared:
    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.resource = threading.Lock()
        self.users = 0

    def enter_and_leave(self, *, inside: bool) -> None:
        self.guard.acquire()
        self.users += 1
        if self.users == 1:
            self.resource.acquire()
        self.guard.release()
        self.guard.acquire()
        self.users -= 1
        if self.users == 0:
            self.resource.release()
        self.guard.release()

    def use(self, *, ordered: bool) -> None:
        first, second = self.resource, self.guard
        if ordered:
            first, second = second, first
        with first, second:
            pass


def _run(*, ordered: bool) -> None:
    shared = Shared()
    threads = [
        threading.Thread(target=shared.enter_and_leave, kwargs={"inside": True}),
        threading.Thread(target=shared.use, kwargs={"ordered": ordered}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(ordered=False)


def correct() -> None:
    shared = Shared()
    threads = [
        threading.Thread(target=shared.enter_and_leave, kwargs={"inside": True})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.users == 0
