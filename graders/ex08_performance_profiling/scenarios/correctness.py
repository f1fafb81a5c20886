"""Scenarios of the correctness checks."""

import contextlib
import sys
import threading
import time
import tracemalloc

from scenarios import records, workloads
from solution import bottlenecks, hot_lines, profile_call

_WITHIN_S = 5.0


def _costs(report):
    """Return calls and self time by name, of the functions that are ours."""
    return {
        spot.function: [spot.calls, float(spot.self_seconds), float(spot.total_seconds)]
        for spot in report.hotspots
        if spot.function.startswith(f"{workloads.__name__}.")
    }


def shares(loops):
    """Profile three threads that work 6:3:1; return the costs in the report's order."""
    alpha = (workloads.through, workloads.alpha, loops)
    jobs = [(workloads.gamma, loops), alpha, (workloads.beta, loops)]
    _, report = profile_call(workloads.in_threads, *jobs)
    return list(_costs(report).items())


def back_and_forth(depth, loops):
    """Profile two functions that call each other; return the costs."""
    return _costs(profile_call(workloads.through, workloads.ping, depth, loops)[1])


def slept(seconds):
    """Profile a sleep; return its time from inside of the call, as told, and around it."""

    def sleeps():
        begun = time.perf_counter()
        workloads.nap(seconds)
        return time.perf_counter() - begun

    begun = time.perf_counter()
    inside_s, report = profile_call(sleeps)
    return [inside_s, float(report.wall_seconds), time.perf_counter() - begun]


def counts(plain, depth, per_thread):
    """Profile calls of three kinds; return how often each function was called."""

    def program():
        workloads.ticks(plain)
        workloads.dive(depth)
        workloads.in_threads(*[(workloads.ticks, per_thread)] * 4)
        own = workloads.Own()
        own.start()
        own.join()

    _, report = profile_call(program)
    return {name.rpartition(".")[2]: cost[0] for name, cost in _costs(report).items()}


def passes_on(value):
    """Profile a function with arguments, and one that raises."""

    def fails():
        raise error

    error = LookupError(value)
    returned, _ = profile_call(lambda a, *, b: [a, b], value, b=value + 1)
    try:
        profile_call(fails)
        raised = "nothing"
    except BaseException as seen:  # noqa: BLE001 - whatever it is, it is the answer
        raised = "the same" if seen is error else type(seen).__name__
    return {"returned": returned, "raised": raised, "left": _left()}


def _left():
    """Return what is still switched on in this thread and for new ones."""
    on = {
        "sys.getprofile()": sys.getprofile(),
        "threading.getprofile()": threading.getprofile(),
        "sys.gettrace()": sys.gettrace(),
        "threading.gettrace()": threading.gettrace(),
        "tracemalloc": tracemalloc.is_tracing() or None,
    }
    return sorted(name for name, what in on.items() if what is not None)


def keeps_tracing():
    """Profile while tracemalloc is on already; return whether it still is."""
    tracemalloc.start()
    try:
        profile_call(workloads.tick)
        return tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def nested():
    """Profile inside of a profile, then once more; return what came of both."""

    def inner():
        try:
            profile_call(workloads.tick)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            return type(error).__name__
        return "nothing"

    def in_a_thread():
        raised = []
        workloads.in_threads((lambda: raised.append(inner()),))
        return raised[0]

    return {
        "raised": profile_call(inner)[0],
        "raised in a thread": profile_call(in_a_thread)[0],
        "afterwards": profile_call(workloads.tick)[0],
    }


def outlived(error):
    """Profile a function whose thread goes on; return the hook that is left in there.

    Args:
        error: Whether the function raises when it has started the thread.
    """
    go, seen = threading.Event(), []

    def stay():
        go.wait(_WITHIN_S)
        workloads.tick()
        seen.append(repr(sys.getprofile()))

    def starts():
        thread.start()
        if error:
            raise LookupError

    thread = threading.Thread(target=stay)
    with contextlib.suppress(LookupError):
        profile_call(starts)
    go.set()
    thread.join(_WITHIN_S)
    return seen


def held_for_a_moment(mib):
    """Profile a thread that needs memory for a moment; return the peak of the report."""

    def needs():
        block = bytearray(mib << 20)
        del block

    _, report = profile_call(workloads.in_threads, (needs,))
    return float(report.peak_memory_mb)


def held_earlier(mib):
    """Hold memory while tracemalloc is on, then profile what needs none; return its peak."""
    tracemalloc.start()
    try:
        block = bytearray(mib << 20)
        del block
        return float(profile_call(workloads.tick)[1].peak_memory_mb)
    finally:
        tracemalloc.stop()


def planted(program, loops):
    """Profile a program; return the first bottleneck, and all of them."""
    _, report = profile_call(workloads.PROGRAMS[program], loops)
    return {"first": bottlenecks(report, 1), "all": bottlenecks(report, n=99)}


def lines(function, size):
    """Look for hot lines; return each as its distance from `def`, with its share."""
    target, distance = workloads.HOT[function]
    found = hot_lines(target, size, n=3)
    begins = target.__code__.co_firstlineno
    return {
        "lines": [[line - begins, float(share)] for line, share in found],
        "hot": distance,
    }


def shares_of_a_recursion(depth):
    """Return the shares of all lines of a function that calls itself."""
    return [float(share) for _, share in hot_lines(workloads.digs, depth, n=9)]


def summed(texts, workers):
    """Run the pipeline over records that the grader made."""
    return records.run(records.as_bytes(texts), records.label, workers=workers)


def refusal(workers):
    """Return the name of the exception for a number of workers."""
    try:
        records.process_records([], records.label, workers=workers)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return type(error).__name__
    return "nothing"
