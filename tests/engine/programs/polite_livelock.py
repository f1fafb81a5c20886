"""Two tasks give way to each other for ever."""

import threading

KIND = "livelock"


def _run(*, polite: bool) -> None:
    wants = [True, True]

    def work(me: int) -> None:
        other = 1 - me
        while wants[other]:
            if not polite and me == 0:
                break
        wants[me] = False

    threads = [threading.Thread(target=work, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(polite=True)


def correct() -> None:
    _run(polite=False)
