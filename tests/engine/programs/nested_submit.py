"""A job waits for a job that it has submitted to the same, full pool."""

from concurrent.futures import ThreadPoolExecutor

KIND = "deadlock"


def _run(*, workers: int) -> None:
    with ThreadPoolExecutor(max_workers=workers) as pool:

        def outer() -> int:
            return pool.submit(int, "1").result() + 1

        assert pool.submit(outer).result() == 2


def buggy() -> None:
    _run(workers=1)


def correct() -> None:
    _run(workers=2)
