"""Cancellation: an error, a stop and Ctrl-C end a run, and leave nothing behind."""

import os
import signal

from racecourse.checks import Cause, Raised, check, must

_STUCK_AFTER_S = 8.0
_SETTLED_WITHIN_S = 0.5
_TO_NOTICE_S = 0.4  # for those who look at `stop` now and then
_RETURNED_WITHIN_S = 10.0  # one second is promised; a busy machine gets more


@check("X1")
def test_the_error_of_a_job_comes_out(submission, work, draw):
    """The very error, from every function; no thread and no child stays behind.

    An error of a student's own, whose type is not called with its `args`, comes out of a
    process for certain; pickle knows how to make it.
    """
    cases = [
        ("run", "threading"),
        ("run", "multiprocessing"),
        ("measure", "threading"),
        ("measure", "multiprocessing"),
        ("compare", "threading"),
    ]
    for number, (function, model) in enumerate(cases):
        kind = draw.choice(["ValueError", "KeyError", "OutOfStockError"])
        if (function, model) == ("run", "multiprocessing"):
            kind = "OutOfStockError"
        text = f"no {draw.randrange(1000)} in stock"
        with submission.leaving_nothing():
            pending = submission.begin(
                "failing",
                function=function,
                model=model,
                work=work(5).args,
                error=[kind, text],
                gate=f"go {number}",
            )
            _let_it_end(submission, f"go {number}", calls=number + 1)
            _must_raise(pending, kind, text, what=f"{function}, {model}")
        submission.stage.open(f"go {number}")


def _let_it_end(submission, gate, *, calls):
    """Open the gate for who waits for the running job, and for nobody else."""
    stage = submission.stage
    _until_or_stuck(stage, lambda s: s.waiting(gate) or s.count("returned") == calls)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    if stage.count("returned") < calls:
        stage.open(gate)


def _until_or_stuck(stage, seen):
    """Wait for what is to be seen as long as anything happens, however slowly."""
    events = -1
    while events < (events := len(stage.log())):
        if stage.until(seen, within_s=_STUCK_AFTER_S):
            return


def _must_raise(pending, kind, text, *, what):
    try:
        pending.result()
    except Raised as raised:
        must.hold(
            raised.type == kind and text in raised.text,
            f"{what}: a job raised {kind} with the text {text!r}; what came out was"
            f" {raised}.",
        )
        return
    must.fail(f"{what}: a job raised {kind}; the call returned as if it had not.")


@check("X2")
def test_stop_ends_the_comparison(submission, work):
    """In a run by threads and in one by processes; before the first run; and not at all."""
    # The rows for each task are: threads 1 and 2, then processes 1 and 2.
    _must_stop_in_row(submission, work(8), row=1, model="threading", late=2)
    _must_stop_in_row(submission, work(8), row=3, model="multiprocessing", late=3)
    _must_not_begin(submission, work(3))
    _must_run_to_the_end(submission, work(3))


def _must_stop_in_row(submission, given, *, row, model, late):
    """Stop while both workers of this row are busy; the rows before it are complete.

    Jobs that were on their way to a worker just then may be `late` and still run.
    """
    jobs = len(given.values)
    with submission.fresh() as worker, worker.leaving_nothing():
        stage = worker.stage
        stage.supply("begin", ["open"] * (row * jobs) + ["held"] * (9 * jobs))
        stage.open("open")
        pending = worker.begin(
            "stoppable", work=given.args, counts=[1, 2], press="gate"
        )
        _until_or_stuck(stage, lambda s: s.waiting("held") == 2 or s.count("returned"))
        worker.settle(within_s=_SETTLED_WITHIN_S)
        stage.open("stop")
        _until_or_stuck(stage, lambda s: s.count("stopped"))
        begun = stage.count("job", "enter")
        if not stage.until(lambda s: s.count("returned"), within_s=_TO_NOTICE_S):
            stage.open("held")
        rows = _rows_in_time(pending, model)
        more = stage.count("job", "enter") - begun
        must.hold(
            more <= late,
            f"stop was set in a run by {model} with 2 workers busy and"
            f" {jobs - 2} jobs to go; {more} more jobs were started all the same.",
        )
    must.equal(
        [[each["model"], each["workers"]] for each in rows],
        [["threading", 1], ["threading", 2], ["multiprocessing", 1]][:row],
        what=f"rows, when stop was set in a run by {model}",
    )
    for each in rows:
        must.equal(each["results"], given.answers, what="results of a complete row")


def _rows_in_time(pending, model):
    stage = pending.worker.stage
    if not stage.until(lambda s: s.count("returned"), within_s=_RETURNED_WITHIN_S):
        must.fail(
            f"stop was set in a run by {model}, and the jobs that were running have"
            f" ended; compare had not returned {_RETURNED_WITHIN_S:g} s later.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    return pending.result()


def _must_not_begin(submission, given):
    with submission.fresh() as worker, worker.leaving_nothing():
        worker.stage.open("open")
        worker.stage.supply("begin", ["open"] * 99)
        rows = worker.call("stoppable", work=given.args, counts=[1], press="before")
        started = worker.stage.count("job", "enter")
    must.equal(rows, [], what="rows, when stop was set before the call")
    must.equal(started, 0, what="jobs started, when stop was set before the call")


def _must_run_to_the_end(submission, given):
    with submission.fresh() as worker:
        worker.stage.open("open")
        worker.stage.supply("begin", ["open"] * 99)
        rows = worker.call("stoppable", work=given.args, counts=[2], press="never")
    must.equal(len(rows), 4, what="rows, when stop was never set")


@check("X3")
def test_an_interrupt_leaves_no_child(submission, work):
    """SIGINT to everybody, as from the keyboard, and to the parent alone, as from kill.

    One after the other in one process: what comes out the first time does so again.
    """
    with submission.fresh() as other:
        for number, (whom, interrupt) in enumerate(
            (
                ("all processes", lambda worker: worker.interrupt()),
                (
                    "the calling process",
                    lambda worker: os.kill(worker.pid, signal.SIGINT),
                ),
            )
        ):
            with other.leaving_nothing():
                _interrupt(other, work(6), interrupt, whom, number)


def _interrupt(submission, given, interrupt, whom, number):
    """Interrupt a run while two jobs wait; so many runs have been interrupted before."""
    stage, gate = submission.stage, f"go {number}"

    def has_returned(stage):
        return stage.count("returned") > number

    pending = submission.begin(
        "run",
        model="multiprocessing",
        work=given.args,
        workers=2,
        job="interrupted",
        gate=gate,
    )
    _until_or_stuck(stage, lambda s: s.waiting(gate) >= 2 or has_returned(s))
    submission.settle(within_s=_SETTLED_WITHIN_S)
    interrupt(submission.worker)
    # What was running may end before the interrupt comes out.
    if not stage.until(has_returned, within_s=_TO_NOTICE_S):
        stage.open(gate)
    came_out = stage.until(has_returned, within_s=_RETURNED_WITHIN_S)
    _must_be_interrupted(pending, whom, came_out=came_out)


def _must_be_interrupted(pending, whom, *, came_out):
    if not came_out:
        must.fail(
            f"SIGINT went to {whom}, and the jobs that were running have ended;"
            f" run_multiprocess had not returned {_RETURNED_WITHIN_S:g} s later.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    try:
        pending.result()
    except Raised as raised:
        must.hold(
            raised.type == "KeyboardInterrupt",
            f"SIGINT went to {whom}; KeyboardInterrupt was expected to come out of"
            f" run_multiprocess, and {raised} came.",
        )
        return
    must.fail(
        f"SIGINT went to {whom}; run_multiprocess returned as if nothing had happened."
        " KeyboardInterrupt was expected."
    )
