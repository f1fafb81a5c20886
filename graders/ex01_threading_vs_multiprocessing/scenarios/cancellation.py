"""Cancellation: jobs that raise, a stop that is pressed, and Ctrl-C.

What presses the stop speaks with the stage under these names:

    stopped    note: `stop` has been set
    stop       gate: `stop` is set when it opens
"""

import threading
import warnings

import solution
from scenarios import jobs, runs
from scenarios.runs import run

from racecourse.sandbox import stage

__all__ = ["run"]  # the others are below


def failing(function, model, work, error, gate):
    """Call a function of the submission with two workers and a first job that raises."""
    values, keyed = work["values"], {"key": work["key"], "offset": work["offset"]}
    given = [
        *jobs.asks(values[:1], **keyed, error=tuple(error)),
        *jobs.asks(values[1:2], **keyed, gate=gate),
        *jobs.asks(values[2:], **keyed),
    ]
    with runs.in_sight():
        if function == "run":
            getattr(solution, runs.RUNNERS[model])(jobs.fetch, given, 2)
        elif function == "measure":
            solution.measure(model, "io", jobs.fetch, given, 2)
        else:  # its first run is one by threads
            solution.compare(jobs.compute, given, jobs.fetch, given, (2,))


def stoppable(work, counts, press):
    """Compare with a `stop`.

    `press` says when it is set: "never", "before" the run, or at the "gate" `stop`.
    """
    stop = threading.Event()
    if press == "before":
        stop.set()
    if press == "gate":
        # Python 3.12 warns of a fork beside a thread; this one only waits.
        warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)
        threading.Thread(target=_press, args=(stop,)).start()
    given = jobs.asks(**work)
    job = jobs.at_its_gate
    with runs.in_sight():
        rows = solution.compare(job, given, job, given, counts, stop=stop)
    return [runs.plain_row(row) for row in rows]


def _press(stop):
    stage.wait("stop")
    stop.set()
    stage.note("stopped")
