"""Cancellation: a pipeline that is told to stop does, and leaves nothing behind."""

import contextlib
from dataclasses import dataclass

from racecourse.checks import Cause, Raised, check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_RETURNED_WITHIN_S = 3.0  # one second is promised; a busy machine gets more
_BEGUN_WITHIN_S = 10.0  # fifteen processes start at once
_DIED_WITHIN_S = 7.0  # five are promised
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


@dataclass(frozen=True)
class _Death:
    """Whose process ends, by which exit code or signal, and how a message tells it."""

    who: str
    code: int
    told: str


@check("X3")
def test_a_dead_worker_is_reported(submission, draw):
    """The process of a consumer ends, busy or idle, or of a producer, in a silent run.

    An exit code of 0 looks like going home. Where a busy one ends so, the run goes on for
    as long as it can; where an idle one does, nothing comes that would need it.
    """
    code = draw.randrange(1, 99)
    deaths = (
        _Death(
            "busy", code, f"A consumer process called os._exit({code}) in consume()"
        ),
        _Death("leaving", 0, "A consumer process called os._exit(0) in consume()"),
        _Death("idle", -9, "An idle consumer process was killed by SIGKILL"),
        _Death("idle", 0, "An idle consumer process called os._exit(0)"),
        _Death("producer", -9, "A producer process was killed by SIGKILL in produce()"),
    )
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(submission.fresh()) for _ in deaths[1:]]
        calls = []
        for death, worker in zip(deaths, (submission, *others), strict=True):
            # A thread may be left that waits for what the dead process took along.
            stack.enter_context(worker.leaving_no_child())
            args = {"who": death.who, "count": draw.randrange(2, 9), "code": death.code}
            calls.append(worker.begin("deadly_run", **args))
        for death, pending in zip(deaths, calls, strict=True):
            if _dies(death, pending):
                _must_be_a_child(pending.worker)
                _must_raise_worker_died(death, pending)
            else:
                pending.worker.stage.open("silent")
                pending.result()


def _dies(death, pending):
    """See the process end; False if there is none to end.

    That may be: a producer may run in the caller's process, and a consumer's process
    may go home after each item.
    """
    stage = pending.worker.stage
    must.hold(
        stage.until(
            lambda s: s.count("idle") or s.count("dying") or s.count("spared"),
            within_s=_BEGUN_WITHIN_S,
        ),
        "The item at which a worker process was to end never came.",
    )
    if death.who == "idle":
        pending.submission.settle(within_s=_SETTLED_WITHIN_S)
        running = {pending.worker.pid, *pending.worker.children()}
        if stage.log("idle")[0].pid not in running:
            return False
        stage.open("die")
        stage.until(lambda s: s.count("dying"), within_s=_BEGUN_WITHIN_S)
    return stage.count("dying") > 0


def _must_be_a_child(worker):
    must.hold(
        worker.stage.log("dying")[0].pid != worker.pid,
        "With backend='process', consume() ran in the very process that had called"
        " run_pipeline; when that ended, everything ended.",
    )


def _must_raise_worker_died(death, pending):
    stage = pending.worker.stage
    if not stage.until(lambda s: s.count("returned"), within_s=_DIED_WITHIN_S):
        must.fail(
            f"{death.told}; run_pipeline noticed nothing for {_DIED_WITHIN_S:g} s."
            " WorkerDied was expected within 5 s.",
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
        f"{death.told}; run_pipeline returned as if nothing had happened. WorkerDied was"
        " expected."
    )
