"""Correctness: the right answers, the right rows, and numbers that are true."""

import contextlib
import re
from collections import Counter
from time import monotonic

from racecourse.checks import (
    Died,
    Hung,
    LimitPassed,
    Raised,
    check,
    must,
    start_methods,
)

_MODELS = ("threading", "multiprocessing")
_TASKS = ("cpu", "io")
_READY_WITHIN_S = 8.0
_SETTLED_WITHIN_S = 0.5

_NAP_S, _NAPS, _NAPPERS = 0.1, 8, 4
_CLOCKS_AGREE = 0.98  # two clocks of one machine, and roundings
_LOOK_EVERY_S = 0.02
_ASLEEP_LOOKS, _LINGERS_S = 10, 0.5  # one look each 50 ms of theirs is far from that

_HOGS = 4
_HUNGRY_MIB = 160
_PROGRAM_WITHIN_S = 6.0


@check("C1")
def test_results_are_in_the_order_of_the_arguments(submission, work):
    """The first wave of jobs ends from the last to the first; all answers are right."""
    for model in _MODELS:
        for workers in (1, 2, 3, 4):
            given, name = work(2 * workers + 1), f"{model} {workers}"
            returned = submission.stage.count("returned")
            pending = submission.begin(
                "run_in_turns",
                model=model,
                work=given.args,
                workers=workers,
                name=name,
            )
            gates = [f"{name} {place}" for place in range(len(given.values))]
            _open_from_the_last(submission.stage, gates, workers, returned)
            what = f"results of {model} with workers={workers}"
            must.equal(pending.result(), given.answers, what=what)


def _open_from_the_last(stage, gates, workers, returned):
    stage.until(
        lambda s: (
            sum(map(s.waiting, gates)) >= workers or s.count("returned") > returned
        ),
        within_s=_READY_WITHIN_S,
    )
    for gate in reversed(gates):
        held = stage.waiting(gate)
        ended = stage.count("job", "leave")
        stage.open(gate)
        if held:
            stage.until(
                lambda s, ended=ended: s.count("job", "leave") > ended,
                within_s=_READY_WITHIN_S,
            )


@check("C2")
def test_the_comparison_is_the_full_grid(submission, work):
    """All rows, in order, each with a run of its own; and the program that shows them."""
    with submission.fresh() as other:
        program = other.begin("program")
        _must_be_the_full_grid(submission, work(5), work(4), counts=[2, 1, 3])
        _must_show_every_row(submission)
        _must_run_as_a_program(program)


def _must_be_the_full_grid(submission, cpu, io, *, counts):
    rows = submission.call("grid", cpu=cpu.args, io=io.args, worker_counts=counts)
    given = {"cpu": cpu, "io": io}
    grid = [(t, m, n) for t in _TASKS for m in _MODELS for n in counts]
    seen = [[row["task"], row["model"], row["workers"]] for row in rows]
    must.equal(seen, grid, what=f"rows for worker_counts={tuple(counts)}")
    for row in rows:
        what = f"in the row {row['task']}, {row['model']}, {row['workers']}"
        must.equal(row["results"], given[row["task"]].answers, what=f"results {what}")
        must.be_within(row["seconds"], 0.0, 60.0, what=f"seconds {what}")
        must.be_within(
            row["peak_memory_mb"], -50.0, 5000.0, what=f"peak_memory_mb {what}"
        )
    _must_be_one_run_after_the_other(submission, grid, given)


def _must_be_one_run_after_the_other(submission, grid, given):
    """By what the stage saw: the jobs of each row, by its workers, before the next."""
    log = submission.stage.log("job")
    for task, model, workers in grid:
        due = 2 * len(given[task].values)  # each job enters and leaves
        run, log = log[:due], log[due:]
        inside = Counter(event.kind for event in run)
        must.hold(
            {event.data["task"] for event in run} == {task}
            and inside["enter"] == inside["leave"],
            f"The runs were not made one after the other in the order of the rows:"
            f" where the jobs of ({task}, {model}, {workers}) were due, others ran.",
        )
        in_this_process = {event.pid == submission.worker.pid for event in run}
        must.hold(
            in_this_process == {model == "threading"},
            f"The jobs of the row ({task}, {model}, {workers}) ran"
            f" {'in other processes' if model == 'threading' else 'in the very process'}"
            f"{'' if model == 'threading' else ' that had called compare'}.",
        )
        peak = _most_at_once(run)
        must.hold(
            peak <= workers,
            f"The row ({task}, {model}, {workers}) had up to {peak} jobs at once.",
        )


def _most_at_once(run):
    level = peak = 0
    for event in run:
        level += 1 if event.kind == "enter" else -1
        peak = max(peak, level)
    return peak


def _must_show_every_row(submission):
    """Each row has a line of its own with its words and its numbers."""
    rows = [
        {
            "model": model,
            "task": task,
            "workers": workers,
            "seconds": seconds,
            "peak_memory_mb": peak,
            "results": [1, 2],
        }
        for model, task, workers, seconds, peak in (
            ("threading", "cpu", 3, 12.5, 48.25),
            ("multiprocessing", "cpu", 3, 7.75, 192.5),
            ("multiprocessing", "io", 17, 21.25, 96.75),
        )
    ]
    lines = submission.call("reported", rows=rows).splitlines()
    for row in rows:
        shown = sum(_shows(line, row) for line in lines)
        told = ", ".join(f"{k}={v!r}" for k, v in row.items() if k != "results")
        must.hold(
            shown == 1,
            f"report() must show each row in a line of its own; {shown or 'no'} lines"
            f" had everything of a row with {told}.",
        )


def _shows(line, row):
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", line.replace(",", ""))]

    def has(number):
        # Rounded, and perhaps in thousandths of the unit.
        return any(abs(n / k - number) <= 0.51 for n in numbers for k in (1, 1000))

    return (
        row["model"] in line
        and row["task"] in line
        and float(row["workers"]) in numbers
        and has(row["seconds"])
        and has(row["peak_memory_mb"])
    )


def _must_run_as_a_program(pending):
    """What it prints is up to the student; how long it takes too, so it may be left."""
    stage = pending.worker.stage
    if not stage.until(lambda s: s.count("ended"), within_s=_PROGRAM_WITHIN_S):
        return
    seen = pending.result()
    must.hold(
        seen["code"] in {0, None},
        f"main([]) returned {seen['code']!r}; 0 says that all went well.",
    )
    for model in _MODELS:
        must.hold(
            model in seen["text"],
            f"main([]) printed {len(seen['text'].splitlines())} lines, none of them with"
            f" the word {model!r}; the report of the demo jobs was expected.",
        )


@check("C3")
def test_workers_is_a_cap_and_is_reached(by_model, work):
    """With nine jobs that block, exactly three run at once."""
    pending = {
        model: worker.begin("run", model=model, work=work(9).args, workers=3, gate="go")
        for model, worker in by_model.items()
    }
    for model, call in pending.items():
        stage = call.worker.stage
        stage.until(
            lambda s: s.waiting("go") >= 3 or s.count("returned"),
            within_s=_READY_WITHIN_S,
        )
        by_model[model].settle(within_s=_SETTLED_WITHIN_S)
        peak = stage.peak("job")
        pids = {event.pid for event in stage.log("job", "enter")}
        stage.open("go")
        call.result()
        must.equal(
            peak, 3, what=f"{model}: jobs that ran at once, of 9 that block, workers=3"
        )
        if model == "threading":
            continue
        must.hold(
            len(pids) == 3 and call.worker.pid not in pids,
            f"multiprocessing: 3 jobs ran at once in {len(pids)} processes"
            f"{', one of them the caller' if call.worker.pid in pids else ''}; 3"
            " processes of their own were expected.",
        )


@check("C4")
def test_seconds_covers_the_whole_run(submission, work):
    """Eight jobs sleep 0.1 s on four workers; the clock runs from the first to the last."""
    for model in _MODELS:
        with submission.fresh() as worker:
            pending = worker.begin(
                "measured",
                model=model,
                task="io",
                work=work(_NAPS).args,
                workers=_NAPPERS,
                nap_s=_NAP_S,
            )
            if model == "threading":
                _must_not_linger(worker)
            seconds = pending.result()["seconds"]
            log = worker.stage.log()
        _must_cover(log, seconds, model)


def _must_cover(log, seconds, model):
    """By the supervisor's clock: not shorter than the jobs, not longer than the call."""
    called, returned = (
        next(event.at_ns for event in log if event.name == name)
        for name in ("called", "returned")
    )
    jobs = [event.at_ns for event in log if event.name == "job"]
    must.equal(len(jobs), 2 * _NAPS, what=f"{model}: starts and ends of {_NAPS} jobs")
    span_s, outer_s = (jobs[-1] - jobs[0]) / 1e9, (returned - called) / 1e9
    ideal_s = 0.9 * _NAP_S * _NAPS / _NAPPERS
    must.be_within(seconds, 0.0, 3600.0, what=f"{model}: seconds")
    must.hold(
        seconds >= max(ideal_s, _CLOCKS_AGREE * span_s),
        f"{model}: from the start of the first job to the end of the last one it took"
        f" {span_s:.3f} s; seconds was {seconds:.3f}.",
    )
    must.hold(
        seconds <= outer_s / _CLOCKS_AGREE + 0.01,
        f"{model}: measure() as a whole took {outer_s:.3f} s; seconds was {seconds:.3f}.",
    )


def _must_not_linger(worker):
    """When all jobs have ended, threads that just sleep are no part of the work.

    On a busy machine those that have something to do are not asleep, but in a queue.
    """
    stage = worker.stage
    stage.until(
        lambda s: s.count("job", "leave") == _NAPS or s.count("returned"),
        within_s=_READY_WITHIN_S,
    )
    if stage.count("job", "leave") < _NAPS:
        return
    asleep_at = []
    while not stage.until(lambda s: s.count("returned"), within_s=_LOOK_EVERY_S):
        if worker.worker.is_asleep():
            asleep_at.append(monotonic())
        must.hold(
            len(asleep_at) < _ASLEEP_LOOKS or asleep_at[-1] - asleep_at[0] < _LINGERS_S,
            f"threading: all {_NAPS} jobs had ended; then, for {_LINGERS_S:g} s and more,"
            " nothing ran and measure() did not return. Such a pause is in every row"
            " and belongs to no job.",
        )


@check("C5")
def test_the_peak_memory_of_threads_is_true(submission, work, must_tell_the_peak, draw):
    """Four jobs hold 48 MB each at once, in a process that has grown; then less.

    The level without its beginning is far from the truth in the first run; the highest
    level of all times and the mean over the run are in the second. Meanwhile, in a
    comparison, a row whose job holds nothing comes after one whose job holds much.
    """
    with submission.fresh() as other:
        rows = other.begin(
            "hungry_then_plain", work=work(1).args, mib=_HUNGRY_MIB, gate="hungry"
        )
        other.stage.until(
            lambda s: s.waiting("hungry high") or s.count("returned"),
            within_s=_READY_WITHIN_S,
        )
        for name, mib, more in (
            ("first run", draw.randrange(46, 53), {"ballast_mib": 200}),
            ("second run", draw.randrange(34, 40), {"then_low": True}),
        ):
            must_tell_the_peak(
                submission, "threading", work(_HOGS), mib=mib, name=name, **more
            )
            # Its first row has been under way for as long as the first run was held.
            other.stage.open("hungry high")
            other.stage.open("hungry low")
        _must_begin_anew(rows)


def _must_begin_anew(pending):
    """Demand that the peak of the first row is not in that of a later one."""
    rows = []
    with contextlib.suppress(Died, Hung, LimitPassed, Raised):  # the affair of C2
        rows = pending.result()
    peaks = [
        row["peak_memory_mb"]
        for row in rows
        if (row["task"], row["model"]) == ("io", "threading")
    ]
    for peak in peaks:
        must.be_within(peak, -1e6, 1e9, what="peak_memory_mb of a row of compare")
        must.hold(
            peak < _HUNGRY_MIB / 2,
            f"compare: a job held {_HUNGRY_MIB} MB in the row (cpu, threading, 1), and"
            f" none in the later row (io, threading, 1), whose peak_memory_mb is"
            f" {peak:.0f}; less than {_HUNGRY_MIB // 2} was expected. Each row tells the"
            " peak of its own run.",
        )


@check("C6")
def test_the_peak_memory_of_processes_is_true(
    submission, work, must_tell_the_peak, draw
):
    """The same with processes, in whose memory it is.

    The workers that come from a fork server are grandchildren; their memory counts too.
    """
    mib = draw.randrange(44, 53)
    must_tell_the_peak(
        submission, "multiprocessing", work(_HOGS), mib=mib, name="the run"
    )
    if "forkserver" not in start_methods():
        return
    with submission.fresh(start_method="forkserver") as other:
        if _can_run(other, work(2)):
            must_tell_the_peak(
                other,
                "multiprocessing",
                work(2),
                mib=2 * mib,
                name="a run with the start method forkserver",
            )


def _can_run(submission, given):
    """Whether processes work here at all; if not, that is for R3 to say."""
    args = {"work": given.args, "workers": 2}
    try:
        pending = submission.begin(
            "measured", model="multiprocessing", task="cpu", **args
        )
        pending.result(within_s=_READY_WITHIN_S)
    except (Died, Hung, LimitPassed, Raised):
        return False
    return True


@check("C7")
def test_every_worker_count_gets_the_same_work(submission, work):
    """By the stage's log: each job ran once in each row, whatever the worker count."""
    counts = [1, 2, 4]
    given = {"cpu": work(8), "io": work(6)}
    submission.call(
        "grid",
        **{task: each.args for task, each in given.items()},
        worker_counts=counts,
    )
    log = submission.stage.log("job", "enter")
    for task in _TASKS:
        for model in _MODELS:
            ran = [
                event.data["value"]
                for event in log
                if event.data["task"] == task
                and (event.pid == submission.worker.pid) == (model == "threading")
            ]
            must.have_same_items(
                ran,
                given[task].values * len(counts),
                what=f"{model}, {task}: jobs that ran in {len(counts)} rows together,"
                f" each of which has {len(given[task].values)} arguments",
            )


@check("C8")
def test_bad_arguments_are_refused_and_empty_ones_are_fine(submission, work):
    """ValueError before anything starts; no argument at all is an ordinary amount."""
    cases = [
        *((name, {"workers": n}) for name in _RUNNERS for n in (0, -1)),
        *(("measure", {"first": first, "workers": n}) for first, n in _MEASURES),
        *(("compare", {"worker_counts": counts}) for counts in ([], [0], [2, 0])),
    ]
    with submission.leaving_nothing():
        errors = submission.call("refusals", cases=cases, work=work(3).args)
    for (name, options), error in zip(cases, errors, strict=True):
        told = [*map(repr, options.get("first", ()))]
        told += [f"{k}={v!r}" for k, v in options.items() if k != "first"]
        must.hold(
            error == "ValueError",
            f"{name}({', '.join(told)}) raised {error or 'nothing'}; ValueError was"
            " expected.",
        )
    started = submission.stage.count("job", "enter")
    must.equal(started, 0, what="jobs that were started before the ValueError")

    seen = submission.call("empty", workers=3)
    must.equal(seen["runs"], [[], []], what="results of both runners without arguments")
    for row in seen["rows"]:
        must.equal(row["results"], [], what="results of a row without arguments")
        must.be_within(row["seconds"], 0.0, 60.0, what="seconds of such a row")
    must.equal(len(seen["rows"]), 6, what="rows without arguments")


_RUNNERS = ("run_threaded", "run_multiprocess")
_MEASURES = (
    (["threading", "io"], 0),
    (["multiprocessing", "cpu"], -1),
    (["fibre", "io"], 2),
    (["", "cpu"], 2),
    (["threading", "gpu"], 2),
    (["multiprocessing", ""], 2),
)
