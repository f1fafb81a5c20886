"""A slot is not given back when the job fails."""

import threading

KIND = "deadlock"


def _run(*, in_finally: bool) -> None:
    slots = threading.Semaphore(1)

    def work(divisor: int) -> None:
        slots.acquire()
        try:
            try:
                1 // divisor
            finally:
                if in_finally:
                    slots.release()
            if not in_finally:
                slots.release()
        except ZeroDivisionError:
            return

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def buggy() -> None:
    _run(in_finally=False)


def correct() -> None:
    _run(in_finally=True)
