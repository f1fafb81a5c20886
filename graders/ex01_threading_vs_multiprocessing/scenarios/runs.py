"""The submission's runs, and their results as plain values.

The caller reports to the stage under these names:

    called     note: a function of the submission is about to be called
    returned   note: it has returned or raised
    holding    note: the caller holds what it is to hold, and waits to be watched
    watched    gate, named after the run: now the memory is being watched
"""

import contextlib

import solution
from scenarios import jobs

from racecourse.sandbox import stage

RUNNERS = {"threading": "run_threaded", "multiprocessing": "run_multiprocess"}


def run(model, work, workers, *, job="fetch", **same):
    """Run jobs with one kind of workers; return the results."""
    runner = getattr(solution, RUNNERS[model])
    with in_sight():
        results = runner(getattr(jobs, job), jobs.asks(**work, **same), workers)
    if not isinstance(results, list):
        raise TypeError(
            f"{RUNNERS[model]} returned {type(results).__name__}, not a list"
        )
    return [plain(value) for value in results]


def measured(model, task, work, workers, *, job="fetch", **same):
    """Measure one run; return the row."""
    given = jobs.asks(**work, **same)
    with in_sight():
        row = solution.measure(model, task, getattr(jobs, job), given, workers)
    return plain_row(row)


def held_run(model, work, *, mib, gate, ballast_mib):
    """Measure jobs that hold memory, in a process that holds some already."""
    ballast = jobs.touched(ballast_mib)
    stage.note("holding")
    stage.wait(f"{gate} watched")
    workers = len(work["values"])
    row = measured(model, "cpu", work, workers, job="hog", mib=mib, gate=gate)
    del ballast
    return row


@contextlib.contextmanager
def in_sight():
    """Tell the stage when the block begins and when it ends."""
    stage.note("called")
    try:
        yield
    finally:
        stage.note("returned")


def plain_row(row):
    """Return a Measurement as JSON knows it."""
    names = ("model", "task", "workers", "seconds", "peak_memory_mb", "results")
    if not all(hasattr(row, name) for name in names):
        raise TypeError(f"{type(row).__name__} was returned, not a Measurement")
    results = row.results
    return {
        **{name: plain(getattr(row, name)) for name in names[:-1]},
        "results": (
            [plain(value) for value in results]
            if isinstance(results, tuple)
            else f"a {type(results).__name__}, not a tuple"
        ),
    }


def plain(value):
    """Return a value as JSON knows it."""
    is_plain = value is None or type(value) in {bool, int, float, str}
    return value if is_plain else repr(value)
