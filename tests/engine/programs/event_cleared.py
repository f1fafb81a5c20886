"""An event is cleared after the work was looked for: a wake-up gets lost."""

import threading

KIND = "deadlock"


def _run(*, clear_first: bool) -> None:
    event = threading.Event()
    work = []
    done = []

    def serve() -> None:
        while len(done) < 2:
            event.wait()
            if clear_first:
                event.clear()
            while work:
                done.append(work.pop())
            if not clear_first:
                event.clear()

    server = threading.Thread(target=serve)
    server.start()
    for item in range(2):
        work.append(item)
        event.set()
    server.join()


def buggy() -> None:
    _run(clear_first=False)


def correct() -> None:
    _run(clear_first=True)
