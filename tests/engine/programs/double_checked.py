"""Double-checked locking that publishes the object before it is complete."""

import threading


class Service:
    def __init__(self) -> None:
        self.url = ""


class Holder:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.service = None

    def get_published_early(self) -> Service:
        if self.service is None:
            with self.lock:
                if self.service is None:
                    self.service = Service()
                    self.service.url = "http://localhost"
        return self.service

    def get(self) -> Service:
        if self.service is None:
            with self.lock:
                if self.service is None:
                    service = Service()
                    service.url = "http://localhost"
                    self.service = service
        return self.service


def _run(name: str) -> None:
    holder = Holder()

    def use() -> None:
        assert getattr(holder, name)().url

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run("get_published_early")


def correct() -> None:
    _run("get")
