"""SCTBench bluetooth driver: work begins after the driver was stopped."""

import threading


class Driver:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending = 1
        self.stopping = False
        self.stopped = False
        self.event = threading.Event()

    def enter_unsafely(self) -> bool:
        if self.stopping:
            return False
        with self.lock:
            self.pending += 1
        return True

    def enter(self) -> bool:
        with self.lock:
            if self.stopping:
                return False
            self.pending += 1
            return True

    def leave(self) -> None:
        with self.lock:
            self.pending -= 1
            if self.pending == 0:
                self.event.set()

    def stop(self) -> None:
        with self.lock:
            self.stopping = True
        self.leave()
        self.event.wait()
        self.stopped = True


def _run(driver: Driver, enter: object) -> None:
    def work() -> None:
        if enter():
            assert not driver.stopped
            driver.leave()

    worker = threading.Thread(target=work)
    stopper = threading.Thread(target=driver.stop)
    worker.start()
    stopper.start()
    worker.join()
    stopper.join()


def buggy() -> None:
    driver = Driver()
    _run(driver, driver.enter_unsafely)


def correct() -> None:
    driver = Driver()
    _run(driver, driver.enter)
