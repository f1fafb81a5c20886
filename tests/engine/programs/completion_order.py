"""Results are taken for ordered because they were once."""

from concurrent.futures import ThreadPoolExecutor, as_completed


def _run(*, by_future: bool) -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(abs, -number) for number in (1, 2)]
        if by_future:
            results = [future.result() for future in futures]
        else:
            results = [future.result() for future in as_completed(futures)]
    assert results == [1, 2]


def buggy() -> None:
    _run(by_future=False)


def correct() -> None:
    _run(by_future=True)
