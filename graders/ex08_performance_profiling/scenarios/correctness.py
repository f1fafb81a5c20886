"""Scenarios of the correctness checks."""

import sys
import threading
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
    jobs = [(workloads.gamma, loops), (workloads.alpha, loops), (workloads.beta, loops)]
    _, report = profile_call(workloads.in_threads, *jobs)
    return {
        "costs": list(_costs(report).items()),
        "wall_s": float(report.wall_seconds),
    }


def counts(plain, depth, per_thread):
    """Profile calls of three kinds; return how often each function was called."""

    def program():
        workloads.ticks(plain)
        workloads.dive(depth)
        workloads.in_threads(*[(workloads.ticks, per_thread)] * 4)

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

    return {
        "raised": profile_call(inner)[0],
        "afterwards": profile_call(workloads.tick)[0],
    }


def outlived():
    """Profile a function whose thread goes on; return the hook that is left in there."""
    go, seen = threading.Event(), []

    def stay():
        go.wait(_WITHIN_S)
        workloads.tick()
        seen.append(repr(sys.getprofile()))

    thread = threading.Thread(target=stay)
    profile_call(thread.start)
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


def planted(program, loops):
    """Profile a program; return the first bottleneck, and the first five."""
    _, report = profile_call(workloads.PROGRAMS[program], loops)
    return {"first": bottlenecks(report, 1), "five": bottlenecks(report, n=5)}


def lines(function, size):
    """Look for hot lines; return each as its distance from `def`, with its share."""
    target, distance = workloads.HOT[function]
    found = hot_lines(target, size, n=3)
    begins = target.__code__.co_firstlineno
    return {
        "lines": [[line - begins, float(share)] for line, share in found],
        "hot": distance,
    }


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
