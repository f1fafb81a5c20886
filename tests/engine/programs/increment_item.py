"""The same with an entry of a dictionary."""

import threading


def _run(*, locked: bool) -> None:
    votes = {"yes": 0, "no": 0}
    lock = threading.Lock()

    def vote(answer: str) -> None:
        if locked:
            with lock:
                votes[answer] += 1
        else:
            votes[answer] += 1

    threads = [threading.Thread(target=vote, args=("yes",)) for _ in range(2)]
    threads.append(threading.Thread(target=vote, args=("no",)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert votes == {"yes": 2, "no": 1}


def buggy() -> None:
    _run(locked=False)


def correct() -> None:
    _run(locked=True)
