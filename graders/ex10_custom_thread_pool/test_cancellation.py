"""Cancellation: every accepted task ends, nothing runs afterwards, no thread is left."""

from racecourse.checks import Cause, check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_WAITING = 40


@check("X1")
def test_shutdown_runs_what_waits_and_takes_no_more(submission):
    """Two threads shut down while 40 tasks wait; others wait for room elsewhere."""
    with submission.leaving_nothing():
        pending = submission.begin("draining", waiting=_WAITING)
        stage = submission.stage
        _hold(submission, 2)
        stage.open("more")
        submission.settle(within_s=_SETTLED_WITHIN_S)
        early = stage.count("returned")
        stage.open("go")
        unfinished, outcomes, refused = pending.result()
    must.hold(
        not early,
        "shutdown() returned while two tasks were still running and 40 were waiting.",
    )
    ran = [event.data["number"] for event in stage.log("ran")]
    must.have_same_items(
        ran, list(range(_WAITING)), what="tasks that had waited and ran"
    )
    must.equal(
        unfinished,
        [0, 0],
        what="futures that had not ended when shutdown() returned, in two threads",
    )
    names = [event.name for event in stage.log()]
    must.hold(
        "ran" not in names[names.index("returned") :],
        "A task ran after shutdown() had returned.",
    )
    values = [["value", n] for n in (0, 1, *range(_WAITING))]
    must.equal(outcomes, values, what="values of the tasks")
    must.equal(refused, "RuntimeError", what="what submit() raised after shutdown()")
    with submission.fresh() as other:
        _a_waiting_submitter_is_refused(other)


def _a_waiting_submitter_is_refused(submission):
    pending = submission.begin("closing_on_a_submitter")
    stage = submission.stage
    stage.until(lambda s: s.count("submitting"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    accepted = stage.count("answered")  # a queue without a bound is the affair of C7
    stage.open("more")
    told = stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    refused = stage.until(lambda s: s.count("answered"), within_s=_READY_WITHIN_S / 2)
    must.hold(
        told,
        "shutdown(wait=False) had not returned after 5 s.",
        cause=Cause.HANG,
        stacks=() if told else submission.worker.dump_stacks(),
    )
    must.hold(
        refused,
        "A submit() that waited for room in a full queue had not heard of the shutdown"
        f" {_READY_WITHIN_S / 2:g} s later.",
        cause=Cause.HANG,
        stacks=() if refused else submission.worker.dump_stacks(),
    )
    stage.open("go")
    answers, outcomes = pending.result()
    must.equal(
        answers,
        [""] if accepted else ["RuntimeError"],
        what="what a submit() that waited for room raised when the pool was shut down",
    )
    must.equal(
        outcomes,
        [["value", 0], ["value", 1]],
        what="values of the two tasks that had been accepted",
    )


@check("X2")
def test_what_waits_can_be_cancelled(submission):
    """Two threads cancel ten waiting tasks; two running ones finish, all futures end."""
    with submission.leaving_nothing():
        pending = submission.begin("dropping", waiting=10)
        stage = submission.stage
        _hold(submission, 2)
        stage.open("more")
        stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
        submission.settle(within_s=_SETTLED_WITHIN_S)
        early = stage.count("returned")
        stage.open("go")
        seen = pending.result()
    must.equal(
        seen["queued"], [["cancelled", ""]] * 10, what="outcomes of 10 waiting tasks"
    )
    must.equal(stage.count("ran"), 0, what="tasks that ran though they were cancelled")
    must.equal(
        seen["running"],
        [["value", 0], ["value", 1]],
        what="outcomes of the 2 tasks that were running",
    )
    must.equal(
        seen["ended"],
        12,
        what="futures that as_completed() gave, 10 of them cancelled by shutdown()",
    )
    must.hold(
        not early,
        f"Two threads called shutdown(cancel_pending=True), and {early} of them returned"
        " while two tasks were running.",
    )
    counts = [seen["stats"][name] for name in ("completed", "cancelled", "queued")]
    must.equal(counts, [2, 10, 0], what="completed, cancelled and queued in stats()")


@check("X3")
def test_tasks_and_exceptions_may_shut_the_pool_down(submission, draw):
    """One task shuts down, then two at once; then a with block is left by Ctrl-C."""
    for tasks in (1, 2):
        with submission.fresh() as worker, worker.leaving_nothing():
            _tasks_shut_down(worker, tasks)
    text = f"a bird on the runway {draw.randrange(999)}"
    with submission.leaving_nothing():
        pending = submission.begin("with_blocks", waiting=5, text=text)
        stage = submission.stage
        stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
        submission.settle(within_s=_SETTLED_WITHIN_S)
        stage.open("go")
        told, running, queued, done = pending.result()
    must.equal(told, text, what="the KeyboardInterrupt that left the with block")
    must.equal(
        queued,
        [["cancelled", ""]] * 5,
        what="outcomes of the waiting tasks when a KeyboardInterrupt left the with block",
    )
    must.equal(running, ["value", "running"], what="outcome of the running task")
    must.equal(done, 5, what="tasks, of 5, that had ended after a with block")


def _tasks_shut_down(submission, tasks):
    who = "A task" if tasks == 1 else "Two tasks at the same time"
    pending = submission.begin("shut_from_inside", tasks=tasks, waiting=5)
    submission.stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    submission.stage.open("go")
    shut, queued = pending.result()
    must.equal(
        shut,
        [["value", "shut"]] * tasks,
        what=f"{who} called shutdown(); outcome",
    )
    must.equal(
        queued,
        [["value", n] for n in range(5)],
        what=f"{who} called shutdown(); outcomes of the tasks that waited",
    )


def _hold(submission, count):
    """Wait until so many tasks are held inside."""
    submission.stage.until(lambda s: s.waiting("go") == count, within_s=_READY_WITHIN_S)
