"""Driver code for the thread pool: each scenario is one story, told to the stage.

Where a scenario waits for the grader, it waits at a gate; where a number at once or an
order matters, the tasks report it. These are the names on the stage:

    task       inside: a task is running
    ran        note: a task has run
    go         gate: held tasks wait inside
    more       gate: the scenario goes on to its next part
    together   meeting: as many tasks as are expected at once
    told       note: what a scenario has to say before its end

The scenarios stand in the order of the checks.
"""

import builtins
import concurrent.futures
import functools
import multiprocessing.pool
import queue
import statistics
import threading
import time
import traceback
from asyncio import CancelledError

from solution import ThreadPool

from racecourse.sandbox import stage, stalling

_WITHIN_S = 3.0  # for what should happen at once
_NEVER = "nothing within 3 s"
_FOREVER_S = 60.0  # an idle_timeout that plays no part


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


# Helpers.


def _outcome(future):
    """Return what a future ended with, as ["value", x] or [name of the error, text]."""
    try:
        return ["value", future.result(timeout=_WITHIN_S)]
    except concurrent.futures.CancelledError:
        return ["cancelled", ""]
    except TimeoutError as error:
        return ["TimeoutError", str(error)] if future.done() else [_NEVER, ""]
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
        return [type(error).__name__, str(error)]


def _outcomes(futures):
    return [_outcome(future) for future in futures]


def _plain(stats):
    names = ("workers", "idle", "queued", "completed", "failed", "cancelled")
    return {name: getattr(stats, name) for name in (*names, "peak_workers")}


def _until(reached, *, within_s=_WITHIN_S, look_every_s=0.002):
    """Look until something has come true; return whether it has, in time."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not reached():
        if time.monotonic() > deadline:
            return False
        pause.wait(look_every_s)
    return True


def _until_stats(pool, **wanted):
    """Wait until `stats()` shows these numbers; return what it shows then."""

    def shown():
        return {name: getattr(pool.stats(), name) for name in wanted}

    _until(lambda: shown() == wanted, within_s=5)
    return shown()


def _held(number):
    """Be a task that stays inside until the gate `go` opens."""
    with stage.inside("task", number=number):
        stage.wait("go")
    return number


def _noted(number):
    stage.note("ran", number=number)
    return number


# C1, C2: futures.


def _keyed(item, *, key, offset=0):
    return item * key + offset


def _misses(item, **_):
    raise KeyError(item)


def many_futures(items, bad, key, offset):
    """Run a task for each item; those at the places `bad` raise."""
    with ThreadPool(1, 4) as pool:
        futures = [
            pool.submit(_misses if n in bad else _keyed, item, key=key, offset=offset)
            for n, item in enumerate(items)
        ]
        ended = list(concurrent.futures.as_completed(futures, timeout=5))
        done, not_done = concurrent.futures.wait(futures, timeout=5)
        named = pool.submit(dict, fn=key, self=offset, args=1, kwargs=2)
        return {
            "futures": sum(isinstance(f, concurrent.futures.Future) for f in futures),
            "outcomes": _outcomes(futures),
            "as_completed": len(set(ended)),
            "waited": [len(done), len(not_done)],
            "frames": [_frames(futures[n].exception()) for n in bad],
            "named": _outcome(named),
        }


def _frames(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def mapped(first, second):
    """Map over two lists; the first call ends after the last one has."""
    last = threading.Event()

    def work(number, other):
        if number == first[0]:
            last.wait(_WITHIN_S)
        if number == first[-1]:
            last.set()
        return [number, other]

    with ThreadPool(1, 4) as pool:
        return list(pool.map(work, first, second))


def mapped_with_an_error(numbers, bad):
    """Map a call that raises at one number; return what came until then, and what."""

    def work(number):
        if number == bad:
            raise ValueError(number)
        return number

    seen, raised = [], ""
    with ThreadPool(1, 2) as pool:
        try:
            seen.extend(pool.map(work, numbers))
        except ValueError as error:
            raised = str(error)
    return [seen, raised]


class Alarm(BaseException):
    """An exception that is no Exception."""


_KINDS = {"Alarm": Alarm, "CancelledError": CancelledError}


def hard_failures(kinds, text, key):
    """Let one worker run tasks that raise, each followed by one that does not."""

    def raises(kind):
        error = _KINDS.get(kind) or getattr(builtins, kind)
        raise error(text)

    pool = ThreadPool(1, 1)
    seen = []
    for number, kind in enumerate(kinds):
        bad = pool.submit(raises, kind)
        good = pool.submit(_keyed, number, key=key)
        value = _outcome(good)
        seen.append([_error_of(bad), value])
        if value[0] != "value":
            return seen  # it will not come back; neither would shutdown
    _until_stats(pool, failed=len(kinds))
    stats = _plain(pool.stats())
    pool.shutdown()
    return [*seen, [stats["completed"], stats["failed"]]]


def _error_of(future):
    try:
        error = future.exception(timeout=_WITHIN_S)
    except TimeoutError:
        return _NEVER
    except concurrent.futures.CancelledError:
        return "cancelled"
    return f"{type(error).__name__}: {error}"


# C3: order.


def by_priority(priorities, mapped_priority, urgent):
    """Queue tasks behind a held one; one more, urgent, comes after the first has run."""
    with ThreadPool(1, 1) as pool:
        held = pool.submit(_held, -1)
        _until(held.running)  # or it would wait, and be overtaken, like the others
        futures = [
            pool.submit(lambda n=number: _noted(n), priority=priority)
            for number, priority in enumerate(priorities)
        ]
        numbers = range(len(priorities), len(priorities) + 2)
        results = pool.map(_noted, numbers, priority=mapped_priority)
        late = pool.submit(lambda: _noted("urgent"), priority=urgent)
        stage.note("told")
        return [_outcomes(futures), list(results), _outcome(late)]


# C4, C5, S1: scaling.


def growing(first, then, max_workers):
    """Hold `first` tasks, and when the gate `more` opens, `then` in all."""
    with ThreadPool(1, max_workers, idle_timeout=_FOREVER_S) as pool:
        at_first = _until_stats(pool, workers=1)
        _until_stats(pool, idle=1)
        one = pool.submit(_keyed, 1, key=1)
        one.result(timeout=_WITHIN_S)
        _until_stats(pool, idle=1, completed=1)
        after_one = pool.stats().peak_workers
        futures = [pool.submit(_held, number) for number in range(first)]
        stage.wait("more")
        futures += [pool.submit(_held, number) for number in range(first, then)]
        stage.note("told")
        outcomes = _outcomes(futures)
        return [at_first, after_one, outcomes, pool.stats().peak_workers]


def all_at_once(count):
    """Let `count` tasks meet in a pool of that many workers, twice."""

    def meet(part):
        return stage.meet(f"together {part}", parties=count, within_s=_WITHIN_S)

    with ThreadPool(0, count) as pool:
        return [
            _outcomes([pool.submit(meet, part) for _ in range(count)])
            for part in range(2)
        ]


def shrinking(min_workers, max_workers, idle_timeout):
    """Have the most workers, twice; in between wait until the pool has shrunk."""

    def ends_at():
        _held(0)
        return time.monotonic()

    with ThreadPool(min_workers, max_workers, idle_timeout=idle_timeout) as pool:
        futures = [pool.submit(ends_at) for _ in range(max_workers)]
        stage.wait("go")
        # Nobody was idle before the first task ended, however late we hear of it.
        idle_since = min(future.result(timeout=_WITHIN_S) for future in futures)
        _until(lambda: pool.stats().workers < max_workers, within_s=5)
        shrank_after_s = time.monotonic() - idle_since
        workers = _until_stats(pool, workers=min_workers)
        stage.note("told")
        stage.wait("more")
        kept = pool.stats().workers

        def meet():
            return stage.meet("together", parties=max_workers, within_s=_WITHIN_S)

        again = _outcomes([pool.submit(meet) for _ in range(max_workers)])
        return {
            "shrank_after_s": shrank_after_s,
            "workers": workers["workers"],
            "kept": kept,
            "again": again,
        }


# C6, C7: resources.


class _Printer:
    """A resource that tells the stage what becomes of it."""

    def __init__(self, number):
        self.number = number
        stage.note("made", number=number, thread=threading.get_ident())

    def close(self):
        stage.note("closed", number=self.number, thread=threading.get_ident())


def resources(workers, idle_timeout):
    """Use each worker's resource twice; let all but one worker retire; shut down."""
    count = iter(range(1_000))
    pool = ThreadPool(
        1,
        workers,
        idle_timeout=idle_timeout,
        resource_factory=lambda: _Printer(next(count)),
    )

    def use(part):
        stage.meet(f"together {part}", parties=workers, within_s=_WITHIN_S)
        number = pool.resource().number
        stage.note("used", number=number, thread=threading.get_ident())

    # All at once: between the parts nobody is idle, and so nobody retires.
    futures = [pool.submit(use, part) for part in range(2) for _ in range(workers)]
    outcomes = _outcomes(futures)
    stage.wait("more")
    pool.shutdown()
    stage.note("told")
    return outcomes


def failing_factory(text):
    """Let a factory fail for the first task, and work for the next two."""
    broken, made = threading.Event(), []
    broken.set()

    def factory():
        if broken.is_set():
            raise OSError(text)
        made.append(1)
        return len(made)

    with ThreadPool(1, 1, resource_factory=factory) as pool:
        first = _outcome(pool.submit(lambda: "ran"))
        broken.clear()
        return [first, *_outcomes([pool.submit(pool.resource) for _ in range(2)])]


def without_resources():
    """Ask for a resource where there is no factory, and outside a task."""
    with ThreadPool(1, 1) as pool:
        inside = _outcome(pool.submit(pool.resource))
        try:
            pool.resource()
        except Exception as error:  # noqa: BLE001 - its name is the answer
            return [inside, type(error).__name__]
        return [inside, ""]


def full_queue(max_workers, max_queue):
    """Fill workers and queue; the next submit is refused, the one after waits."""
    pool = ThreadPool(0, max_workers, max_queue=max_queue, idle_timeout=_FOREVER_S)
    accepted = [pool.submit(_held, n, block=False) for n in range(max_workers)]
    _until(lambda: all(future.running() for future in accepted))
    refused = []
    for number in range(max_workers, max_workers + max_queue + 1):
        try:
            accepted.append(pool.submit(_held, number, block=False))
        except queue.Full:
            refused.append(number)

    def patient():
        stage.note("submitting")
        accepted.append(pool.submit(_held, -1))
        stage.note("accepted")

    waits = threading.Thread(target=patient)
    waits.start()
    waits.join(4)
    outcomes = _outcomes(accepted)
    pool.shutdown()
    return [refused, outcomes]


# C8, C9: control.


def cancelling(waiting):
    """Cancel tasks that wait behind a held one, then the held one."""
    with ThreadPool(1, 1) as pool:
        held = pool.submit(_held, 0)
        _until(held.running)
        queued = [pool.submit(_noted, number) for number in range(waiting)]
        dropped, kept = queued[::2], queued[1::2]
        answers = [future.cancel() for future in dropped]
        was_running, running = held.running(), held.cancel()
        stage.note("told")
        values = _outcomes([held, *kept])
        try:
            ended = len(list(concurrent.futures.as_completed(queued, timeout=3)))
        except TimeoutError:
            ended = 0
        return {
            "answers": answers,
            "was_running": was_running,
            "running": running,
            "values": values,
            "ended": ended,
            "cancelled": _until_stats(pool, cancelled=len(dropped))["cancelled"],
        }


def resized():
    """Grow by resize while tasks wait, raise the minimum, then shrink again."""
    with ThreadPool(1, 1, idle_timeout=_FOREVER_S) as pool:
        futures = [pool.submit(_held, number) for number in range(3)]
        stage.wait("more")
        pool.resize(1, 3)
        outcomes = _outcomes(futures)
        pool.resize(5, 6)
        raised = _until_stats(pool, workers=5)
        pool.resize(2, 2)
        lowered = _until_stats(pool, workers=2)

        def work(number):
            with stage.inside("lowered"):
                stage.meet("lowered together", parties=3, within_s=0.05)
            return number

        again = _outcomes([pool.submit(work, number) for number in range(6)])
        return [outcomes, raised["workers"], lowered["workers"], again]


def refusals(pools, sizes):
    """Return for each set of arguments what the constructor, and resize, raised."""

    def refusal(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001 - its name is the answer
            return type(error).__name__
        return ""

    with ThreadPool(1, 2) as pool:
        return [
            [refusal(functools.partial(ThreadPool, **case)) for case in pools],
            [refusal(functools.partial(pool.resize, *size)) for size in sizes],
        ]


# R1 to R4: the submission once more, with a point at each place to hold a thread.


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
            go.wait(_WITHIN_S)
        return number

    pool = _stalled_pool(0, max_workers)

    def submit(number):
        start.wait(_WITHIN_S)
        futures.append(pool.submit(task, number))

    _run_all(functools.partial(submit, number) for number in range(submitters))
    _until(lambda: len(inside) >= max_workers, within_s=0.05)
    # One more than allowed needs a moment to come in.
    _until(lambda: len(inside) > max_workers, within_s=0.004)
    go.set()
    values = [future.result(timeout=_WITHIN_S) for future in futures]
    pool.shutdown()
    return [sorted(values), pool.stats().peak_workers]


def _run_all(jobs):
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def sporadic(tasks, idle_timeout):
    """Submit now and then, mostly when a worker is about to retire (R2)."""
    pool = _stalled_pool(0, 2, idle_timeout=idle_timeout)
    for number in range(tasks):
        future = pool.submit(_keyed, number, key=1)
        try:
            future.result(timeout=1.5)
        except TimeoutError:
            return {"stranded": number}
        stalling.pause(at_most_s=2 * idle_timeout)
    pool.shutdown()
    return {"stranded": None}


def closing(tasks):
    """Shut down while another thread submits (R3)."""
    pool = _stalled_pool(1, 2, idle_timeout=_FOREVER_S)
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
                    stalling.pause(returned.is_set, at_most_s=_WITHIN_S)
                if returned.is_set():
                    return
                futures.append(pool.submit(task, number))
        except RuntimeError:
            half.set()  # refused, as it should be

    submitter = threading.Thread(target=submit)
    submitter.start()
    stalling.pause(half.is_set, at_most_s=_WITHIN_S)
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
    pool = _stalled_pool(0, max_workers, idle_timeout=_FOREVER_S)
    accepted, over, pictures = [], threading.Event(), []

    def look():
        while not over.is_set():
            stalling.pause(over.is_set, at_most_s=0.002)
            due = len(accepted)
            pictures.append([due, _plain(pool.stats())])

    looker = threading.Thread(target=look)
    looker.start()
    for number in range(tasks):
        work = _misses if number % 3 == 0 else _keyed
        accepted.append(pool.submit(work, number, key=1))
        if number % 2:
            accepted[-1].exception(timeout=_WITHIN_S)
    concurrent.futures.wait(accepted, timeout=_WITHIN_S)
    over.set()
    looker.join()
    pool.shutdown()
    pictures.append([tasks, _plain(pool.stats())])
    return pictures


# S1 to S3: what waiting and working cost.


def second_starts(times, enough_s):
    """Start a second task while the first blocks; return how long each start took.

    Ends early when the starts have taken `enough_s` in all.
    """
    took = []
    while len(took) < times and sum(took) < enough_s:
        with ThreadPool(1, 2) as pool:
            go, begun = threading.Event(), threading.Event()
            first = threading.Event()
            pool.submit(lambda f=first, g=go: (f.set(), g.wait(10)))
            first.wait(_WITHIN_S)
            at = time.monotonic()
            pool.submit(begun.set)
            begun.wait(_WITHIN_S)
            took.append(time.monotonic() - at)
            go.set()
    return took


def idle_pool(workers, times):
    """Be idle until the gate `more` opens; return how long tasks then take to start."""
    pool = ThreadPool(workers, workers, idle_timeout=_FOREVER_S)
    _outcome(pool.submit(_keyed, 1, key=1))
    stage.note("told")
    stage.wait("more")
    took = []
    for _ in range(times):
        _until_stats(pool, idle=workers)
        at = time.monotonic()
        took.append(pool.submit(time.monotonic).result(timeout=_WITHIN_S) - at)
    pool.shutdown()
    return [statistics.median(took), max(took)]


def no_ops(count):
    """Queue many tasks that do nothing behind held workers, and run them all."""
    with ThreadPool(4, 4) as pool:
        gate = threading.Event()
        for _ in range(4):
            pool.submit(gate.wait, 20)
        futures = [pool.submit(int) for _ in range(count)]
        gate.set()
        return [future.result(timeout=20) for future in futures].count(0)


# X1 to X3: shutting down.


def draining(waiting):
    """Shut down from two threads, and once more, while a held task has others wait."""
    pool = ThreadPool(1, 2)
    futures = [pool.submit(_held, number) for number in range(2)]
    stage.wait("more")
    futures += [pool.submit(_noted, number) for number in range(waiting)]
    unfinished = []

    def shut():
        pool.shutdown()
        unfinished.append(sum(not future.done() for future in futures))
        stage.note("returned")

    _run_all([shut, shut])
    pool.shutdown()
    return [unfinished, _outcomes(futures), _refused(pool)]


def _refused(pool):
    try:
        pool.submit(_noted, -1)
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__
    return ""


def closing_on_a_submitter():
    """Shut down, without waiting, while a submitter waits for room."""
    pool = ThreadPool(1, 1, max_queue=1)
    futures = [pool.submit(_held, 0), pool.submit(_held, 1)]
    answers = []

    def submit():
        stage.note("submitting")
        answers.append(_refused(pool))
        stage.note("answered")

    submitter = threading.Thread(target=submit)
    submitter.start()
    stage.wait("more")
    pool.shutdown(wait=False)
    stage.note("told")
    submitter.join(_WITHIN_S)
    outcomes = _outcomes(futures)
    pool.shutdown()
    return [answers, outcomes]


def dropping(waiting):
    """Shut down with `cancel_pending` while two tasks run and others wait."""
    pool = ThreadPool(1, 2)
    running = [pool.submit(_held, number) for number in range(2)]
    stage.wait("more")
    queued = [pool.submit(_noted, number) for number in range(waiting)]

    def shut():
        pool.shutdown(cancel_pending=True)
        stage.note("returned")

    def collect():
        try:
            ended = concurrent.futures.as_completed([*running, *queued], timeout=6)
            ends.append(len(list(ended)))
        except TimeoutError:
            ends.append(0)

    ends = []
    stage.note("told")
    _run_all([shut, collect])
    return {
        "running": _outcomes(running),
        "queued": _outcomes(queued),
        "ended": ends[0],
        "stats": _plain(pool.stats()),
    }


def shut_from_inside(tasks, waiting):
    """Shut down from inside so many tasks at once, with others waiting."""
    pool = ThreadPool(tasks, tasks)

    def shut():
        stage.meet("together", parties=tasks, within_s=_WITHIN_S)
        stage.wait("go")
        pool.shutdown()
        return "shut"

    futures = [pool.submit(shut) for _ in range(tasks)]
    queued = [pool.submit(_keyed, number, key=1) for number in range(waiting)]
    stage.note("told")
    outcomes = _outcomes(futures), _outcomes(queued)
    if all(kind == "value" for kind, _ in outcomes[0]):
        pool.shutdown()
    return outcomes


def with_blocks(waiting, text):
    """Leave one with block by an exception, and another one as usual."""
    told = ""
    try:
        with ThreadPool(1, 1) as pool:
            running = pool.submit(_held, "running")
            _until(running.running)
            queued = [pool.submit(_noted, number) for number in range(waiting)]
            stage.note("told")
            raise ValueError(text)  # noqa: TRY301 - out of a with block
    except ValueError as error:
        told = str(error)
    with ThreadPool(1, 1) as pool:
        others = [pool.submit(_keyed, number, key=1) for number in range(waiting)]
    done = sum(future.done() for future in others)
    return [told, _outcome(running), _outcomes(queued), done]
