"""Cancellation: a pipeline that is told to stop does, and leaves nothing behind."""

from racecourse.checks import Cause, Raised, check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_RETURNED_WITHIN_S = 3.0  # one second is promised; a busy machine gets more
_DIED_WITHIN_S = 6.0  # five are promised
_SIZE = {"producers": 2, "consumers": 2, "maxsize": 8}


@check("X1")
def test_threads_stop_wherever_they_wait(submission, draw):
    """On a full queue, on an empty one, before the first item; else they run on."""
    _must_stop_when_told(submission, "thread", key=draw.randrange(3, 999))


@check("X2")
def test_processes_stop_wherever_they_wait(submission, draw):
    """The same with processes, and no child is left."""
    _must_stop_when_told(submission, "process", key=draw.randrange(3, 999))


def _must_stop_when_told(submission, backend, *, key):
    for must_stop in (
        _on_a_full_queue,
        _on_an_empty_queue,
        _before_it_begins,
        _never_without_being_told,
    ):
        with submission.fresh() as worker, worker.leaving_nothing():
            must_stop(worker, backend, key)


def _on_a_full_queue(submission, backend, key):
    """Stop while consumers are busy and producers wait for room."""
    pending = _begin(submission, backend, key, press="gate", hold=True)
    stage = submission.stage
    stage.until(lambda s: s.waiting("go") == 2, within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    made, begun = _press_stop(stage)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    must.hold(
        not stage.count("returned"),
        "stop was set while 2 consumers were inside consume(); run_pipeline returned"
        " before they had finished their items.",
    )
    stage.open("go")
    seen = _must_return(pending, "a full queue and busy consumers")
    extra_made = stage.count("produced") - made
    must.hold(
        extra_made <= _SIZE["producers"],
        f"After stop was set, {extra_made} more items were taken from the sources.",
    )
    extra_begun = stage.count("consume", "enter") - begun
    must.hold(
        extra_begun <= _SIZE["consumers"],
        f"After stop was set, {extra_begun} queued items were still consumed; they"
        " should have been dropped.",
    )
    _must_tell_the_truth(stage, seen, key)


def _on_an_empty_queue(submission, backend, key):
    """Stop while consumers have nothing to do and sources sleep."""
    with submission.leaving_nothing(but_threads=_SIZE["producers"]):
        pending = _begin(submission, backend, key, press="gate", silent_after=3)
        stage = submission.stage
        stage.until(
            lambda s: s.waiting("silent") == 2 and s.count("consume", "leave") == 6,
            within_s=_READY_WITHIN_S,
        )
        submission.settle(within_s=_SETTLED_WITHIN_S)
        _press_stop(stage)
        seen = _must_return(pending, "an empty queue and sleeping sources")
    stage.open("silent")  # a thread that stood there has to go now
    _must_tell_the_truth(stage, seen, key)


def _before_it_begins(submission, backend, key):
    """A stop that is set already lets nothing begin."""
    pending = _begin(submission, backend, key, press="before")
    seen = _must_return(pending, "nothing begun yet")
    made = submission.stage.count("produced")
    must.hold(
        made <= _SIZE["producers"],
        f"stop was set before the run began; {made} items were produced all the same.",
    )
    _must_tell_the_truth(submission.stage, seen, key)


def _never_without_being_told(submission, backend, key):
    """A stop that nobody sets changes nothing."""
    seen = _begin(submission, backend, key, press="never", each=5).result()
    must.equal(seen["cancelled"], False, what="cancelled, when stop was never set")  # noqa: FBT003
    must.equal(seen["consumed"], 10, what="consumed, when stop was never set")


def _begin(submission, backend, key, *, press, hold=False, **source):
    return submission.begin(
        "stoppable_run",
        backend=backend,
        press=press,
        source=source,
        work={"key": key, "hold": hold},
        **_SIZE,
    )


def _press_stop(stage):
    """Set stop; return how many items were made and how many begun until then."""
    stage.open("stop")
    stage.until(lambda s: s.count("stopped"), within_s=_READY_WITHIN_S)
    return stage.count("produced"), stage.count("consume", "enter")


def _must_return(pending, state):
    stage = pending.worker.stage
    if not stage.until(lambda s: s.count("returned"), within_s=_RETURNED_WITHIN_S):
        must.fail(
            f"stop was set with {state}; run_pipeline had not returned"
            f" {_RETURNED_WITHIN_S:g} s later.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    seen = pending.result()
    must.equal(seen["cancelled"], True, what=f"cancelled, stopped with {state}")  # noqa: FBT003
    return seen


def _must_tell_the_truth(stage, seen, key):
    """Results and counts are those of the items that were really consumed."""
    consumed = [event.data["item"] for event in stage.log("consume", "leave")]
    must.have_same_items(
        seen["results"],
        [item * key for item in consumed],
        what="after a stop, results of the items whose consume() returned",
    )
    must.equal(seen["consumed"], len(consumed), what="after a stop, consumed")
    must.be_within(
        seen["produced"],
        len(consumed),
        stage.count("produced"),
        what="after a stop, produced",
    )


@check("X3")
def test_a_dead_worker_is_reported(submission, draw):
    """A consumer process ends itself while the source is silent: nothing else happens."""
    with submission.leaving_nothing():
        with submission.leaving_nothing(but_threads=1):
            count, code = draw.randrange(2, 9), draw.randrange(1, 99)
            pending = submission.begin("deadly_run", count=count, code=code)
            _must_die_in_a_process(submission)
            _must_raise_worker_died(pending)
        submission.stage.open("silent")


def _must_die_in_a_process(submission):
    stage = submission.stage
    must.hold(
        stage.until(lambda s: s.count("dying"), within_s=_READY_WITHIN_S),
        "The item that ends its consumer's process never reached consume().",
    )
    must.hold(
        stage.log("dying")[0].pid != submission.worker.pid,
        "With backend='process', consume() ran in the very process that had called"
        " run_pipeline; when that ended, everything ended.",
    )


def _must_raise_worker_died(pending):
    stage = pending.worker.stage
    if not stage.until(lambda s: s.count("returned"), within_s=_DIED_WITHIN_S):
        must.fail(
            "A consumer process ended itself inside consume(); run_pipeline noticed"
            f" nothing for {_DIED_WITHIN_S:g} s. WorkerDied was expected within 5 s.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    try:
        pending.result()
    except Raised as raised:
        if "WorkerDied" in {raised.type, *raised.bases}:
            return
        raise
    must.fail(
        "A consumer process ended itself inside consume(); run_pipeline returned as if"
        " nothing had happened. WorkerDied was expected."
    )
