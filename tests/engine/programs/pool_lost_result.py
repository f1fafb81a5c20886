"""Jobs of a pool share a list position; one result overwrites the other."""

from concurrent.futures import ThreadPoolExecutor


def _run(*, own_place: bool) -> None:
    results = [None, None]
    free = [0]

    def job(number: int) -> None:
        if own_place:
            results[number] = number
        else:
            place = free[0]
            results[place] = number
            free[0] = place + 1

    with ThreadPoolExecutor(max_workers=2) as pool:
        for number in range(2):
            pool.submit(job, number)
    assert sorted(results, key=str) == [0, 1]


def buggy() -> None:
    _run(own_place=False)


def correct() -> None:
    _run(own_place=True)
