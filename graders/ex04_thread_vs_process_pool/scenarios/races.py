"""Races: threads that are stalled, callers that meet, and children that know nothing."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import solution
from scenarios import jobs, runs

from racecourse.sandbox import stage, stalling

_set_at_run_time = []


def crowd(how, asks, max_workers):
    """Run short tasks that wait on many threads."""
    module = stalling.solution()
    tasks = [
        module.Task(name, jobs.brief, (jobs.Ask(**ask),), "io")
        for name, ask in asks.items()
    ]
    if how == "all":
        outcomes = module.process_all(tasks, max_workers)
    else:
        outcomes = module.run_with(how, tasks, max_workers)
    return runs.plain_outcomes(outcomes)


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
