"""What the scenarios share: tasks, looks at futures, and no ready-made pools."""

import concurrent.futures
import multiprocessing.pool
import threading
import time

from racecourse.sandbox import stage

WITHIN_S = 3.0  # for what should happen at once
NEVER = "nothing within 3 s"
FOREVER_S = 60.0  # an idle_timeout that plays no part


class NotAllowed(Exception):  # noqa: N818 - a sentence, not an error of ours
    """What the ready-made pools raise here."""


def _refuse(*_args, **_kwargs):
    raise NotAllowed(
        "ThreadPoolExecutor and multiprocessing.pool are not allowed in this exercise;"
        " build the pool from threads."
    )


def _forbid_ready_made_pools():
    # The methods, not the names: a submission may have imported the class already.
    for ready_made, methods in (
        (concurrent.futures.ThreadPoolExecutor, ("__init__", "submit")),
        (multiprocessing.pool.Pool, ("__init__", "apply_async", "_map_async")),
    ):
        for method in methods:
            setattr(ready_made, method, _refuse)


_forbid_ready_made_pools()


def outcome(future):
    """Return what a future ended with, as ["value", x] or [name of the error, text]."""
    try:
        return ["value", future.result(timeout=WITHIN_S)]
    except concurrent.futures.CancelledError:
        return ["cancelled", ""]
    except TimeoutError as error:
        return ["TimeoutError", str(error)] if future.done() else [NEVER, ""]
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
        return [type(error).__name__, str(error)]


def outcomes(futures):
    """Return what each future ended with."""
    return [outcome(future) for future in futures]


def plain(stats):
    """Return what `stats()` gave as JSON knows it."""
    names = ("workers", "idle", "queued", "completed", "failed", "cancelled")
    return {name: getattr(stats, name) for name in (*names, "peak_workers")}


def until(reached, *, within_s=WITHIN_S, look_every_s=0.002):
    """Look until something has come true; return whether it has, in time."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not reached():
        if time.monotonic() > deadline:
            return False
        pause.wait(look_every_s)
    return True


def until_stats(pool, **wanted):
    """Wait until `stats()` shows these numbers; return what it shows then."""

    def shown():
        return {name: getattr(pool.stats(), name) for name in wanted}

    until(lambda: shown() == wanted, within_s=5)
    return shown()


def held(number):
    """Be a task that stays inside until the gate `go` opens."""
    with stage.inside("task", number=number):
        stage.wait("go")
    return number


def noted(number):
    """Be a task that tells the stage that it has run."""
    stage.note("ran", number=number)
    return number


def keyed(item, *, key, offset=0):
    """Be a task whose value nobody knows without the key."""
    return item * key + offset


def misses(item, **_):
    """Be a task that raises."""
    raise KeyError(item)


def run_all(jobs):
    """Run each job in a thread of its own, to the end of all."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
