"""Correctness: whole runs, refusals, the report and the program."""

import contextlib
import io

import solution
from scenarios import jobs, runs
from scenarios.runs import held_run, measured, run

from racecourse.sandbox import stage

__all__ = ["held_run", "measured", "run"]  # the others are below


def run_in_turns(model, work, workers, *, name):
    """Run jobs that each wait at a gate of their own, named after their place."""
    runner = getattr(solution, runs.RUNNERS[model])
    given = [
        jobs.Ask(value, work["key"], work["offset"], gate=f"{name} {place}")
        for place, value in enumerate(work["values"])
    ]
    with runs.in_sight():
        results = runner(jobs.fetch, given, workers)
    return [runs.plain(value) for value in results]


def grid(cpu, io, **options):
    """Compare both kinds of jobs; return the rows."""
    rows = solution.compare(
        jobs.compute, jobs.asks(**cpu), jobs.fetch, jobs.asks(**io), **options
    )
    return [runs.plain_row(row) for row in rows]


def hungry_then_plain(work, *, mib, gate):
    """Compare a job that holds memory with one that holds none; return the rows."""
    hungry, plain = jobs.asks(**work, mib=mib, gate=gate), jobs.asks(**work)
    with runs.in_sight():
        rows = solution.compare(jobs.hog, hungry, jobs.plain, plain, (1,))
    return [runs.plain_row(row) for row in rows]


def empty(workers):
    """Run everything without any argument."""
    rows = [
        solution.measure(model, "io", jobs.fetch, (), workers) for model in runs.RUNNERS
    ]
    rows += solution.compare(jobs.compute, [], jobs.fetch, [], (workers,))
    return {
        "runs": [
            getattr(solution, runner)(jobs.fetch, [], workers)
            for runner in runs.RUNNERS.values()
        ],
        "rows": [runs.plain_row(row) for row in rows],
    }


def refusals(cases, work):
    """Return for each call the name of the exception that it raised, or ''."""
    return [_refusal(*case, jobs.asks(**work)) for case in cases]


def _refusal(function, options, given):
    call = getattr(solution, function)
    if function == "compare":
        given = (jobs.compute, given, jobs.fetch, given)
    else:
        given = (*options.pop("first", ()), jobs.fetch, given)
    try:
        call(*given, **options)
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the answer
        return type(error).__name__
    return ""


def reported(rows):
    """Return the report of made-up rows."""
    rows = [
        solution.Measurement(**{**row, "results": tuple(row["results"])})
        for row in rows
    ]
    text = solution.report(rows)
    if not isinstance(text, str):
        raise TypeError(f"report returned {type(text).__name__}, not a str")
    return text


def program():
    """Run the program as `python solution.py` does; return its text and exit code."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        try:
            code = solution.main([])
        except SystemExit as exit_:
            code = exit_.code
    stage.note("ended")
    return {"code": runs.plain(code), "text": told.getvalue()[:100_000]}
