"""Dekker's first attempt: both look, both see nobody, both enter."""

import threading


def _run(*, announce_first: bool) -> None:
    wants = [False, False]
    inside = [0]

    def work(me: int) -> None:
        other = 1 - me
        if announce_first:
            wants[me] = True
            if wants[other]:
                wants[me] = False
                return
        else:
            if wants[other]:
                return
            wants[me] = True
        inside[0] += 1
        assert inside[0] == 1
        inside[0] -= 1
        wants[me] = False

    threads = [threading.Thread(target=work, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(announce_first=False)


def correct() -> None:
    _run(announce_first=True)
