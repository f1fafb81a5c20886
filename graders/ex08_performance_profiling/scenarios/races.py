"""Scenarios of the race checks; the submission comes from `stalling.solution()`."""

import sys

from scenarios import records, workloads

from racecourse.sandbox import stage, stalling


def calls_of_threads(threads, calls):
    """Profile threads that all call one function; return how often it was called."""
    _, report = stalling.solution().profile_call(
        workloads.in_threads, *[(workloads.ticks, calls)] * threads
    )
    return sum(
        spot.calls for spot in report.hotspots if spot.function.endswith(".tick")
    )


def calls_in_quick_turns(threads, calls):
    """The same while threads take turns a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    try:
        return calls_of_threads(threads, calls)
    finally:
        sys.setswitchinterval(before)


def asked_once(run, keys, times, workers):
    """Look keys up that the supervisor counts: reads are held for a second reader."""

    def enrich(key):
        cell = f"{run}:{key}"
        stage.write(cell, stage.read(cell) + 1)
        return key

    source = [records.record(key, 1) for _ in range(times) for key in keys]
    return records.run(source, enrich, workers=workers)


def one_look_up_fails(workers, good, bad):
    """Let a key's look-up fail while others may wait for it."""

    def enrich(key):
        if key != "bad":
            return records.label(key)
        stage.note("asked")
        stage.wait("fail")
        raise LookupError(key)

    source = [
        records.record("bad" if i % (good // bad + 1) == 0 else f"key {i}", 1)
        for i in range(good + bad)
    ]
    return records.run(source, enrich, workers=workers)
