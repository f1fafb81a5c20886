"""A dictionary grows while another task iterates over it."""

import threading

KIND = "exception"


def _run(*, copy: bool) -> None:
    scores = {"a": 1, "b": 2}
    total = [0]

    def grow() -> None:
        scores["c"] = 3

    def add_up() -> None:
        names = list(scores) if copy else scores
        for name in names:
            total[0] += scores[name]

    threads = [threading.Thread(target=add_up), threading.Thread(target=grow)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total[0] in {3, 6}


def buggy() -> None:
    _run(copy=False)


def correct() -> None:
    _run(copy=True)
