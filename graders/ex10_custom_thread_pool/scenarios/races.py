"""R1 to R4: the submission once more, with a point at each place to hold a thread."""

import concurrent.futures
import functools
import threading

from racecourse.sandbox import stage, stalling
from scenarios import shared


def _stalled_pool(*sizes, **options):
    return stalling.solution().ThreadPool(*sizes, **options)


def crowd(name, submitters, max_workers):
    """Submit from many threads at once; count the tasks that run at once (R1)."""
    go, start = threading.Event(), threading.Barrier(submitters)
    lock, inside, futures = threading.Lock(), [], []

    def task(number):
        with stage.inside(name):
            with lock:
                inside.append(number)
            go.wait(shared.WITHIN_S)
        return number

    pool = _stalled_pool(0, max_workers)

    def submit(number):
        start.wait(shared.WITHIN_S)
        futures.append(pool.submit(task, number))

    shared.run_all(functools.partial(submit, number) for number in range(submitters))
    shared.until(lambda: len(inside) >= max_workers, within_s=0.05)
    # One more than allowed needs a moment to come in.
    shared.until(lambda: len(inside) > max_workers, within_s=0.004)
    go.set()
    values = [future.result(timeout=shared.WITHIN_S) for future in futures]
    pool.shutdown()
    return [sorted(values), pool.stats().peak_workers]


def sporadic(tasks, idle_timeout):
    """Submit now and then, mostly when a worker is about to retire (R2)."""
    pool = _stalled_pool(0, 2, idle_timeout=idle_timeout)
    for number in range(tasks):
        future = pool.submit(shared.keyed, number, key=1)
        try:
            future.result(timeout=1.5)
        except TimeoutError:
            return {"stranded": number}
        stalling.pause(at_most_s=2 * idle_timeout)
    pool.shutdown()
    return {"stranded": None}


def closing(tasks):
    """Shut down while another thread submits (R3)."""
    pool = _stalled_pool(1, 2, idle_timeout=shared.FOREVER_S)
    returned, half = threading.Event(), threading.Event()
    futures, late = [], []

    def task(number):
        if returned.is_set():
            late.append(number)

    def submit():
        try:
            for number in range(tasks):
                if number == tasks // 2:
                    half.set()
                    stalling.pause(returned.is_set, at_most_s=shared.WITHIN_S)
                if returned.is_set():
                    return
                futures.append(pool.submit(task, number))
        except RuntimeError:
            half.set()  # refused, as it should be

    submitter = threading.Thread(target=submit)
    submitter.start()
    stalling.pause(half.is_set, at_most_s=shared.WITHIN_S)
    pool.shutdown()
    unfinished_then = [future for future in [*futures] if not future.done()]
    returned.set()
    submitter.join()
    unfinished = [future for future in futures if not future.done()]
    if unfinished:  # perhaps it ends late, which is no better, but tells more
        concurrent.futures.wait(unfinished, timeout=0.05)
    return {
        "unfinished": len({*unfinished, *unfinished_then}),
        "late": len(late),
    }


def pictures(tasks, max_workers):
    """Look at stats() again and again while tasks come and go (R4)."""
    pool = _stalled_pool(0, max_workers, idle_timeout=shared.FOREVER_S)
    accepted, over, pictures = [], threading.Event(), []

    def look():
        while not over.is_set():
            stalling.pause(over.is_set, at_most_s=0.002)
            picture = [len(accepted), shared.plain(pool.stats())]
            if pictures[-1:] != [
                picture
            ]:  # while a thread is held we look all the time
                pictures.append(picture)

    looker = threading.Thread(target=look)
    looker.start()
    for number in range(tasks):
        work = shared.misses if number % 3 == 0 else shared.keyed
        accepted.append(pool.submit(work, number, key=1))
        if number % 2:
            accepted[-1].exception(timeout=shared.WITHIN_S)
    concurrent.futures.wait(accepted, timeout=shared.WITHIN_S)
    over.set()
    looker.join()
    pool.shutdown()
    pictures.append([tasks, shared.plain(pool.stats())])
    return pictures
