"""Peterson's lock; the wrong twin gives way before it has said that it is interested."""

import threading


def _run(*, announce_first: bool) -> None:
    interested = [False, False]
    turn = [0]
    inside = [0]

    def work(me: int) -> None:
        other = 1 - me
        if announce_first:
            interested[me] = True
            turn[0] = other
        else:
            turn[0] = other
            interested[me] = True
        while interested[other] and turn[0] == other:
            pass
        inside[0] += 1
        assert inside[0] == 1
        inside[0] -= 1
        interested[me] = False

    threads = [threading.Thread(target=work, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(announce_first=False)


def correct() -> None:
    _run(announce_first=True)
