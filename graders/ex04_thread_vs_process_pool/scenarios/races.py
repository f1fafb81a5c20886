"""Races: threads that are stalled, callers that meet, and children that know nothing."""

import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import solution
from scenarios import jobs, runs

from racecourse.sandbox import stage, stalling

_MOMENT_S = 0.0005  # so that no thread does all the tasks before the next one starts
_STILL_AFTER = 3  # moments in which the caller has not moved
_STILL_WITHIN = 40  # moments; a caller that looks around for work never stands still

_set_at_run_time = []
_calls = []


def crowd(how, asks, max_workers):
    """Run short tasks on many threads; return the outcomes and which tasks ran.

    Tasks end when the caller has handed out what it wants to, and waits: so what is to
    happen at their end happens in their threads, and in all of them at once.
    """
    _calls.clear()
    module, caller = stalling.solution(), threading.get_ident()
    tasks = [
        module.Task(name, _brief, (jobs.Ask(**ask), caller), "io")
        for name, ask in asks.items()
    ]
    if how == "all":
        outcomes = module.process_all(tasks, max_workers)
    else:
        outcomes = module.run_with(how, tasks, max_workers)
    return {"outcomes": runs.plain_outcomes(outcomes), "ran": list(_calls)}


def _brief(ask, caller):
    _calls.append(ask.value)  # a list's append is one step
    still, before = 0, None
    for _ in range(_STILL_WITHIN):
        time.sleep(_MOMENT_S)  # noqa: TID251 - see above
        before, last = _place_of(caller), before
        still = still + 1 if before == last else 0
        if still >= _STILL_AFTER:
            break
    return ask.answer


def _place_of(thread):
    """Return the frame and the instruction at which a thread is."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - there is no other way
    return frame and (id(frame), frame.f_lasti)


def callers_at_once(calls, max_workers):
    """Call process_all from as many threads as there are lists of tasks, at one time."""
    # Python 3.12 warns of a fork beside a thread; these only wait.
    warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda tasks: runs.run("all", tasks, max_workers), calls))


def run_in_children(asks, max_workers):
    """Run processes, by the start method that this worker has been given."""
    _set_at_run_time.append("seen by a forked process only")
    tasks = [
        solution.Task(name, telling, (jobs.Ask(**ask),), "cpu")
        for name, ask in asks.items()
    ]
    return [
        runs.plain_outcomes(solution.run_with("process", tasks, max_workers)),
        runs.plain_outcomes(solution.process_all(tasks, max_workers)),
    ]


def telling(ask):
    """Tell whether this process was forked from the caller's, and answer."""
    stage.note("seen", inherited=bool(_set_at_run_time))
    return ask.answer
