"""A pool accepts a job between its check for shutdown and its last worker's exit."""

import threading

KIND = "deadlock"


class Pool:
    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.jobs = []
        self.closed = False
        self.worker = threading.Thread(target=self.work)
        self.worker.start()

    def work(self) -> None:
        while True:
            with self.condition:
                while not self.jobs and not self.closed:
                    self.condition.wait()
                if not self.jobs:
                    return
                done = self.jobs.pop(0)
            done.set()

    def submit_unsafely(self, done: threading.Event) -> bool:
        if self.closed:
            return False
        with self.condition:
            self.jobs.append(done)
            self.condition.notify()
        return True

    def submit(self, done: threading.Event) -> bool:
        with self.condition:
            return self.submit_unsafely_locked(done)

    def submit_unsafely_locked(self, done: threading.Event) -> bool:
        if self.closed:
            return False
        self.jobs.append(done)
        self.condition.notify()
        return True

    def close(self) -> None:
        with self.condition:
            self.closed = True
            self.condition.notify()


def _run(name: str) -> None:
    pool = Pool()

    def use() -> None:
        done = threading.Event()
        if getattr(pool, name)(done):
            done.wait()

    user = threading.Thread(target=use)
    user.start()
    pool.close()
    user.join()
    pool.worker.join()


def buggy() -> None:
    _run("submit_unsafely")


def correct() -> None:
    _run("submit")
