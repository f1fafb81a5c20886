"""Programs whose schedules are explored: small, whole, and checked by their own asserts.

Time is virtual here: it passes only when nobody can run, so that a second costs nothing
and two waits that end at the same time end in every order.

Each program shuts its pool down at the end: an execution is over only when all threads
that are not daemons have ended, and nothing says that workers must be daemons.
"""

import threading
import time

from solution import ThreadPool

_IDLE_S = 1.0
_LULL_S = 0.6  # even if they take turns, four workers have a task every 2.4 s only
_TASKS_IN_A_LULL = 6
_NEVER_S = 60.0  # an idle_timeout that plays no part
_LONG_S = 5.0  # longer than any pool needs for what these programs ask of it


class Inside:
    """How many tasks are inside, and how many there were at most."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = 0
        self.most = 0

    def task(self):
        """Be a task that lasts a moment."""
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        with self.lock:
            self.now -= 1


def _value(future, what):
    """Return the value of a task; that it does not come is worth a sentence."""
    try:
        return future.result(timeout=_LONG_S)
    except TimeoutError:
        raise AssertionError(f"{what} had not run {_LONG_S:g} s later") from None


def crowd():
    """Two threads submit at once to a pool of at most one worker (R1)."""
    pool = ThreadPool(0, 1, idle_timeout=_NEVER_S)
    inside, futures = Inside(), []
    threads = [
        threading.Thread(target=lambda: futures.append(pool.submit(inside.task)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for future in futures:
        _value(future, "a task")
    peak = pool.stats().peak_workers
    assert inside.most == 1, f"{inside.most} tasks ran at once with max_workers=1"
    assert peak == 1, f"peak_workers was {peak} with max_workers=1"
    pool.shutdown()


def retiring():
    """A task comes just when the only worker has been idle for long enough (R2)."""
    pool, futures = ThreadPool(0, 1, idle_timeout=_IDLE_S), []
    _value(pool.submit(int), "the first task")

    def come():
        time.sleep(_IDLE_S)  # noqa: TID251 - virtual, and meant to end with another wait
        futures.append(pool.submit(int))

    thread = threading.Thread(target=come)
    thread.start()
    thread.join()
    _value(futures[0], "a task that came when the worker was about to retire")
    pool.shutdown()


def waking():
    """Three tasks come to two workers, who wait, wake up and overtake each other (R2).

    Who is overtaken was woken for nothing. That is no reason to go.
    """
    pool = ThreadPool(1, 2, idle_timeout=_NEVER_S)
    futures = [pool.submit(int) for _ in range(3)]
    for future in futures:
        _value(future, "a task")
    time.sleep(_LULL_S)  # noqa: TID251 - virtual: whoever wants to go has gone
    seen = pool.stats()
    assert seen.workers >= seen.peak_workers, (
        f"peak_workers was {seen.peak_workers}, and {seen.workers} workers were left"
        f" {_LULL_S:g} s after the last task; with idle_timeout={_NEVER_S:g} a worker that"
        " is woken and finds no task should have stayed"
    )
    pool.shutdown()


def lull():
    """A short task now and then is too little for four workers (C5).

    Nobody waits with a limit: workers that spin would be blamed for it, and S2 blames them.
    """
    pool, go = ThreadPool(1, 4, idle_timeout=_IDLE_S), threading.Event()
    futures = [pool.submit(go.wait) for _ in range(4)]
    go.set()
    for future in futures:
        future.result()
    for _ in range(_TASKS_IN_A_LULL):
        time.sleep(_LULL_S)  # noqa: TID251 - virtual
        pool.submit(int).result()
    workers = pool.stats().workers
    assert workers < 4, (
        f"all {workers} workers were there after {_TASKS_IN_A_LULL * _LULL_S:g} s in which"
        f" one short task came every {_LULL_S:g} s; with idle_timeout={_IDLE_S:g} and"
        f" min_workers=1, those without a task for {_IDLE_S:g} s should have retired"
    )
    pool.shutdown()


def closing():
    """One thread submits while another shuts the pool down (R3)."""
    pool = ThreadPool(0, 1, idle_timeout=_NEVER_S)
    accepted, ran = [], []

    def submit():
        try:
            accepted.append(pool.submit(ran.append, 1))
        except RuntimeError:
            accepted.append(None)  # refused, as it should be

    thread = threading.Thread(target=submit)
    thread.start()
    pool.shutdown()
    ran_then = len(ran)
    thread.join()
    assert len(ran) == ran_then, "a task ran after shutdown() had returned"
    ended = accepted[0] is None or accepted[0].done()
    assert ended, "shutdown() returned, and an accepted task had not ended"


def pictures():
    """One thread looks at stats() while two tasks come and go (R4)."""
    pool = ThreadPool(0, 1, idle_timeout=_NEVER_S)

    def look():
        seen = pool.stats()
        assert 0 <= seen.idle <= seen.workers <= 1, (
            f"stats() gave workers={seen.workers} and idle={seen.idle}"
        )
        return seen

    first = pool.submit(int)
    thread = threading.Thread(target=look)
    thread.start()
    second = pool.submit(int)
    seen = look()
    busy = seen.workers - seen.idle
    covered = seen.completed + seen.failed + seen.cancelled + seen.queued + busy
    assert covered >= 2, (
        "2 tasks had been accepted; completed + failed + cancelled + queued +"
        f" (workers - idle) was {covered}"
    )
    _value(first, "the first task")
    _value(second, "the second task")
    thread.join()
    pool.shutdown()
