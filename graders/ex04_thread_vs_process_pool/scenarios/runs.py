"""The submission's functions, called with tasks that the grader described.

A description is a dict with the name, the kind and the function of a task; what else it
has goes into the `Ask`. The caller reports to the stage under these names:

    called     note: a function of the submission is about to be called
    returned   note: it has returned or raised
"""

import contextlib
import os
import threading

import solution
from scenarios import jobs

from racecourse.sandbox import stage


def run(how, tasks, max_workers, **options):
    """Run tasks with "thread", "process", or "all" for `process_all`."""
    given = [task_of(**each) for each in tasks]
    with in_sight():
        if how == "all":
            outcomes = solution.process_all(given, max_workers, **options)
        else:
            outcomes = solution.run_with(how, given, max_workers)
    return plain_outcomes(outcomes)


def task_of(*, name, kind="auto", fn="work", at_home=False, **ask):
    """Return a task of the submission's own class."""
    ask["error"] = tuple(ask.get("error", ()))
    if at_home:
        ask["home"] = os.getpid()
    ask = jobs.Ask(**ask)
    function, args = _FUNCTIONS.get(fn, _plainly)(fn, ask)
    if kind == "auto":  # which is also what a task is by itself
        return solution.Task(name, function, args)
    return solution.Task(name=name, fn=function, args=args, kind=kind)


def _plainly(fn, ask):
    return getattr(jobs, fn), (ask,)


def _as_lambda(_, ask):
    return lambda: jobs.work(ask), ()


def _as_closure(_, ask):
    def inner(*more):
        return jobs.work(ask, *more)

    return inner, (1,)


# What cannot be sent to a process, each for a reason of its own.
_FUNCTIONS = {
    "lambda": _as_lambda,
    "closure": _as_closure,
    "lock": lambda _, ask: (jobs.work, (ask, threading.Lock())),
    "stubborn": lambda _, ask: (jobs.work, (ask, jobs.Stubborn())),
}


@contextlib.contextmanager
def in_sight():
    """Tell the stage when the block begins and when it ends."""
    stage.note("called")
    try:
        yield
    finally:
        stage.note("returned")


def plain_outcomes(outcomes):
    """Return outcomes as JSON knows them."""
    if not isinstance(outcomes, list):
        raise TypeError(f"a {type(outcomes).__name__} was returned, not a list")
    return [_plain_outcome(outcome) for outcome in outcomes]


def _plain_outcome(outcome):
    names = ("name", "ok", "value", "error", "executor")
    if not all(hasattr(outcome, name) for name in names):
        raise TypeError(f"the list has a {type(outcome).__name__}, not an Outcome")
    error = outcome.error
    return {
        "name": plain(outcome.name),
        "ok": plain(outcome.ok),
        "value": plain(outcome.value),
        "executor": plain(outcome.executor),
        "error": None if error is None else type(error).__name__,
        "kinds": [kind.__name__ for kind in type(error).__mro__],
        "says": f"{error!s}"[:200],
        "text": f"{error!s} {error!r}"[:2000],
    }


def plain(value):
    """Return a value as JSON knows it."""
    is_plain = value is None or type(value) in {bool, int, float, str}
    return value if is_plain else repr(value)
