"""C1 to C9: futures, order, scaling, resources, control."""

import builtins
import concurrent.futures
import functools
import queue
import threading
import time
import traceback
from asyncio import CancelledError

from solution import ThreadPool

from racecourse.sandbox import stage
from scenarios import shared

# C1, C2: futures.


def many_futures(items, bad, key, offset):
    """Run a task for each item; those at the places `bad` raise."""
    with ThreadPool(1, 4) as pool:
        futures = [
            pool.submit(
                shared.misses if n in bad else shared.keyed,
                item,
                key=key,
                offset=offset,
            )
            for n, item in enumerate(items)
        ]
        ended = list(concurrent.futures.as_completed(futures, timeout=5))
        done, not_done = concurrent.futures.wait(futures, timeout=5)
        named = pool.submit(dict, fn=key, self=offset, args=1, kwargs=2)
        return {
            "futures": sum(isinstance(f, concurrent.futures.Future) for f in futures),
            "outcomes": shared.outcomes(futures),
            "as_completed": len(set(ended)),
            "waited": [len(done), len(not_done)],
            "frames": [_frames(futures[n].exception()) for n in bad],
            "named": shared.outcome(named),
        }


def _frames(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def mapped(first, second):
    """Map over two lists; the first call ends after the last one has."""
    last = threading.Event()

    def work(number, other):
        if number == first[0]:
            last.wait(shared.WITHIN_S)
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
        good = pool.submit(shared.keyed, number, key=key)
        value = shared.outcome(good)
        seen.append([_error_of(bad), value])
        if value[0] != "value":
            return seen  # it will not come back; neither would shutdown
    shared.until_stats(pool, failed=len(kinds))
    stats = shared.plain(pool.stats())
    pool.shutdown()
    return [*seen, [stats["completed"], stats["failed"]]]


def _error_of(future):
    try:
        error = future.exception(timeout=shared.WITHIN_S)
    except TimeoutError:
        return shared.NEVER
    except concurrent.futures.CancelledError:
        return "cancelled"
    return f"{type(error).__name__}: {error}"


# C3: order.


def by_priority(priorities, mapped_priority, urgent):
    """Queue tasks behind a held one; one more, urgent, comes after the first has run."""
    with ThreadPool(1, 1) as pool:
        held = pool.submit(shared.held, -1)
        shared.until(
            held.running
        )  # or it would wait, and be overtaken, like the others
        futures = [
            pool.submit(lambda n=number: shared.noted(n), priority=priority)
            for number, priority in enumerate(priorities)
        ]
        numbers = range(len(priorities), len(priorities) + 2)
        results = pool.map(shared.noted, numbers, priority=mapped_priority)
        late = pool.submit(lambda: shared.noted("urgent"), priority=urgent)
        stage.note("told")
        return [shared.outcomes(futures), list(results), shared.outcome(late)]


# C4, C5, S1: scaling.


def growing(first, then, max_workers):
    """Hold `first` tasks, and when the gate `more` opens, `then` in all."""
    with ThreadPool(1, max_workers, idle_timeout=shared.FOREVER_S) as pool:
        at_first = shared.until_stats(pool, workers=1)
        shared.until_stats(pool, idle=1)
        one = pool.submit(shared.keyed, 1, key=1)
        one.result(timeout=shared.WITHIN_S)
        shared.until_stats(pool, idle=1, completed=1)
        after_one = pool.stats().peak_workers
        futures = [pool.submit(shared.held, number) for number in range(first)]
        stage.wait("more")
        futures += [pool.submit(shared.held, number) for number in range(first, then)]
        stage.note("told")
        outcomes = shared.outcomes(futures)
        return [at_first, after_one, outcomes, pool.stats().peak_workers]


def all_at_once(count):
    """Let `count` tasks meet in a pool of that many workers, twice."""

    def meet(part):
        return stage.meet(f"together {part}", parties=count, within_s=shared.WITHIN_S)

    with ThreadPool(0, count) as pool:
        return [
            shared.outcomes([pool.submit(meet, part) for _ in range(count)])
            for part in range(2)
        ]


def shrinking(min_workers, max_workers, idle_timeout):
    """Have the most workers, twice; in between wait until the pool has shrunk.

    And once more, when the minimum has gone and those who stayed are idle for long.
    """

    def ends_at():
        shared.held(0)
        return time.monotonic()

    with ThreadPool(min_workers, max_workers, idle_timeout=idle_timeout) as pool:
        futures = [pool.submit(ends_at) for _ in range(max_workers)]
        stage.wait("go")
        # Nobody was idle before the first task ended, however late we hear of it.
        idle_since = min(future.result(timeout=shared.WITHIN_S) for future in futures)
        shared.until(lambda: pool.stats().workers < max_workers, within_s=5)
        shrank_after_s = time.monotonic() - idle_since
        workers = shared.until_stats(pool, workers=min_workers)
        stage.note("told")
        stage.wait("more")
        kept = pool.stats().workers
        pool.resize(0, max_workers)
        without_minimum = shared.until_stats(pool, workers=0)

        def meet():
            return stage.meet("together", parties=max_workers, within_s=shared.WITHIN_S)

        again = shared.outcomes([pool.submit(meet) for _ in range(max_workers)])
        return {
            "shrank_after_s": shrank_after_s,
            "workers": workers["workers"],
            "kept": kept,
            "without_minimum": without_minimum["workers"],
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
        stage.meet(f"together {part}", parties=workers, within_s=shared.WITHIN_S)
        number = pool.resource().number
        stage.note("used", number=number, thread=threading.get_ident())

    # All at once: between the parts nobody is idle, and so nobody retires.
    futures = [pool.submit(use, part) for part in range(2) for _ in range(workers)]
    outcomes = shared.outcomes(futures)
    stage.wait("more")
    pool.shutdown()
    stage.note("told")
    return outcomes


def failing_factory(kind, text):
    """Let a factory fail for the first task, and work for the next two."""
    broken, made = threading.Event(), []
    broken.set()

    def factory():
        if broken.is_set():
            raise getattr(builtins, kind)(text)
        made.append(1)
        return len(made)

    with ThreadPool(1, 1, resource_factory=factory) as pool:
        first = shared.outcome(pool.submit(lambda: "ran"))
        if first[0] == shared.NEVER:
            return [first]  # nor would the next two
        broken.clear()
        return [first, *shared.outcomes([pool.submit(pool.resource) for _ in range(2)])]


def without_resources():
    """Ask for a resource where there is no factory, and outside a task."""
    with ThreadPool(1, 1) as pool:
        inside = shared.outcome(pool.submit(pool.resource))
        try:
            pool.resource()
        except Exception as error:  # noqa: BLE001 - its name is the answer
            return [inside, type(error).__name__]
        return [inside, ""]


def full_queue(max_workers, max_queue):
    """Fill workers and queue; the next submit is refused, the one after waits."""
    pool = ThreadPool(
        0, max_workers, max_queue=max_queue, idle_timeout=shared.FOREVER_S
    )
    accepted = [pool.submit(shared.held, n, block=False) for n in range(max_workers)]
    shared.until(lambda: all(future.running() for future in accepted))
    refused = []
    for number in range(max_workers, max_workers + max_queue + 1):
        try:
            accepted.append(pool.submit(shared.held, number, block=False))
        except queue.Full:
            refused.append(number)

    def patient():
        stage.note("submitting")
        accepted.append(pool.submit(shared.held, -1))
        stage.note("accepted")

    waits = threading.Thread(target=patient)
    waits.start()
    waits.join(4)
    outcomes = shared.outcomes(accepted)
    pool.shutdown()
    return [refused, outcomes]


def burst(workers):
    """Submit a task for each idle worker; return how many were refused.

    They come quicker than workers wake up: with so many, some come before the task ahead
    of them has been taken, and the queue has one place only.
    """
    refused = 0
    with ThreadPool(workers, workers, max_queue=1) as pool:
        shared.until_stats(pool, idle=workers)
        for _ in range(workers):
            try:
                pool.submit(int, block=False)
            except queue.Full:
                refused += 1
    return refused


# C8, C9: control.


def cancelling(waiting):
    """Cancel tasks that wait behind a held one, then the held one."""
    with ThreadPool(1, 1) as pool:
        held = pool.submit(shared.held, 0)
        shared.until(held.running)
        queued = [pool.submit(shared.noted, number) for number in range(waiting)]
        dropped, kept = queued[::2], queued[1::2]
        answers = [future.cancel() for future in dropped]
        was_running, running = held.running(), held.cancel()
        stage.note("told")
        values = shared.outcomes([held, *kept])
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
            "cancelled": shared.until_stats(pool, cancelled=len(dropped))["cancelled"],
        }


def resized():
    """Grow by resize while tasks wait, raise the minimum, then shrink again."""
    with ThreadPool(1, 1, idle_timeout=shared.FOREVER_S) as pool:
        futures = [pool.submit(shared.held, number) for number in range(3)]
        stage.wait("more")
        pool.resize(1, 3)
        outcomes = shared.outcomes(futures)
        pool.resize(5, 6)
        raised = shared.until_stats(pool, workers=5)
        pool.resize(2, 2)
        lowered = shared.until_stats(pool, workers=2)

        def work(number):
            with stage.inside("lowered"):
                stage.meet("lowered together", parties=3, within_s=0.05)
            return number

        again = shared.outcomes([pool.submit(work, number) for number in range(6)])
        return [outcomes, raised["workers"], lowered["workers"], again]


def refusals(pools, sizes):
    """Return for each set of arguments what the constructor, and resize, raised.

    After each resize also: how many of three tasks run at once, and the most workers. Ends
    early when there are no longer two, as in the pool that was made.
    """
    pool = ThreadPool(1, 2, idle_timeout=shared.FOREVER_S)
    by_pool = [_refusal(functools.partial(ThreadPool, **case)) for case in pools]
    by_resize = []
    for size in sizes:
        refused = _refusal(functools.partial(pool.resize, *size))
        together = _together(pool, tasks=3, wanted=2)
        by_resize.append([refused, together, pool.stats().peak_workers])
        if together < 2:
            return [by_pool, by_resize]  # perhaps it never ends; neither would shutdown
    pool.shutdown()
    return [by_pool, by_resize]


def _refusal(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__
    return ""


def _together(pool, tasks, wanted):
    """Submit so many tasks that block; return how many run once enough of them do."""
    go, inside = threading.Event(), []

    def task():
        inside.append(1)
        go.wait()

    futures = [pool.submit(task) for _ in range(tasks)]
    shared.until(lambda: len(inside) >= wanted)
    together = len(inside)
    go.set()
    if together >= wanted:
        shared.outcomes(futures)
    return together
