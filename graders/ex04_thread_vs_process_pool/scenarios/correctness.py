"""Correctness: outcomes, choices, comparisons, and refusals."""

import time

import solution
from scenarios import clocks, jobs, runs
from scenarios.runs import run

__all__ = ["run"]  # the others are below


def totals(how, numbers, max_workers):
    """Run a function of any number of arguments; return the values."""
    tasks = [
        solution.Task(str(place), jobs.total, tuple(args), "io")
        for place, args in enumerate(numbers)
    ]
    return [runs.plain(o.value) for o in solution.run_with(how, tasks, max_workers)]


def chosen(tasks):
    """Choose for each task; return the choices."""
    choices = [solution.choose_executor(runs.task_of(**each)) for each in tasks]
    return [runs.plain(choice) for choice in choices]


def sampled(task):
    """Choose for one task; return the choice, and by real clocks what that took."""
    given = runs.task_of(**task)
    looks, wall_s, cpu_s = clocks.looks(), clocks.wall_s(), time.process_time()
    choice = solution.choose_executor(given)
    return {
        "choice": runs.plain(choice),
        "looks": clocks.looks() - looks,
        "wall_s": clocks.wall_s() - wall_s,
        "cpu_s": time.process_time() - cpu_s,
    }


def compared(tasks, max_workers):
    """Compare; return the comparison."""
    given = [runs.task_of(**each) for each in tasks]
    with runs.in_sight():
        seen = solution.compare(given, max_workers)
    names = ("thread_seconds", "process_seconds", "faster")
    if not all(hasattr(seen, name) for name in (*names, "outcomes")):
        raise TypeError(f"a {type(seen).__name__} was returned, not a Comparison")
    return {
        **{name: runs.plain(getattr(seen, name)) for name in names},
        "outcomes": runs.plain_outcomes(seen.outcomes),
    }


def refusals(cases):
    """Return for each call the name of the exception that it raised, or ''."""
    return [_refusal(*case) for case in cases]


def _refusal(function, tasks, options):
    first = options.pop("first", [])
    given = [runs.task_of(**each) for each in tasks]
    try:
        getattr(solution, function)(*first, given, **options)
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the answer
        return type(error).__name__
    return ""


def empty():
    """Call everything without any task."""
    return [
        *(runs.plain_outcomes(solution.run_with(e, [])) for e in ("thread", "process")),
        runs.plain_outcomes(solution.process_all([])),
        runs.plain_outcomes(solution.compare([]).outcomes),
    ]
