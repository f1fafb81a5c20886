"""Races: threads that are stalled, callers that meet, and children that know nothing."""

import multiprocessing
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import solution
from scenarios import jobs, runs

from racecourse.sandbox import stage, stalling

_MOMENT_S = 0.0005  # so that no thread does all the jobs before the next one starts

_set_at_run_time = []
_calls = []


def crowd(work, workers):
    """Run short jobs on many threads; return the results and which jobs ran."""
    _calls.clear()
    run_threaded = stalling.solution().run_threaded
    results = run_threaded(_short, jobs.asks(**work), workers)
    return {"results": list(results), "ran": list(_calls)}


def _short(ask):
    _calls.append(ask.value)
    time.sleep(_MOMENT_S)  # noqa: TID251 - see above
    return ask.answer


def callers_at_once(works, workers):
    """Call compare from as many threads as there are works, all at the same time."""
    # Python 3.12 warns of a fork beside a thread; these only wait.
    warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)

    def call(work):
        given = jobs.asks(**work, gate="go")
        rows = solution.compare(jobs.compute, given, jobs.fetch, given, (workers,))
        return [runs.plain_row(row) for row in rows]

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(call, works))


def run_in_children(work, workers, method):
    """Run processes by a start method that is set now, as a program does after imports."""
    multiprocessing.set_start_method(method, force=True)
    _set_at_run_time.append("seen by a forked process only")
    results = solution.run_multiprocess(_telling, jobs.asks(**work), workers)
    row = solution.measure("multiprocessing", "cpu", _telling, jobs.asks(**work), 1)
    return {"results": list(results), "measured": list(row.results)}


def _telling(ask):
    stage.note("seen", inherited=bool(_set_at_run_time))
    return ask.answer
