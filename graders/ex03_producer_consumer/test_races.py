"""Races: bounded, exact and separate, however the threads are interleaved."""

import contextlib

from racecourse.checks import check, high_water, must, start_methods

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5  # also the time that a source without a bound may run ahead

_STALLS = 40
_RUNS = 300
_BOUND_RUNS = 100


@check("R1")
def test_producers_wait_when_the_queue_is_full(submission, backends):
    """Never more than maxsize + producers + consumers items are made and not consumed.

    The consumers are held until the producers stand still or have gone too far. Meanwhile
    two producers come to the last place of a queue in many orders of the threads.
    """
    with submission.exploring("bounded", runs=_BOUND_RUNS):
        _must_be_bounded(backends)


def _must_be_bounded(backends):
    size = {"producers": 2, "consumers": 2, "maxsize": 3}
    bound = sum(size.values())
    options = {"source": {"each": 40}, "work": {"hold": True}, **size}
    pending = {
        backend: worker.begin("watched_run", backend=backend, **options)
        for backend, worker in backends.items()
    }
    for worker in backends.values():
        worker.stage.until(lambda s: s.waiting("go") > 0, within_s=_READY_WITHIN_S)
        worker.settle(within_s=_SETTLED_WITHIN_S)
        worker.stage.open("go")
    for backend, call in pending.items():
        call.result()
        log = call.worker.stage.log()
        ahead = high_water(log, rises="produced", falls=("consume", "leave"))
        must.hold(
            ahead <= bound,
            f"{backend}: with maxsize=3, 2 producers and 2 consumers at most {bound}"
            f" items may be made and not yet consumed; there were {ahead}.",
        )


@check("R2")
def test_counts_are_exact_when_threads_are_stalled(submission, work):
    """No item and no count is lost, wherever in the file one thread is held.

    One thread is held at one place between a read and the write that follows, or
    between a test and what it decides, until others have passed; then the next place
    is tried. The most suspicious places come first. Meanwhile the orders of threads
    of a small pipeline are explored under a scheduler of ours.
    """
    size = {"consumers": 3, "maxsize": 2}
    given = work(producers=2, each=6)
    given.must_be_done(
        submission.call("whole_run", **given.args, **size), run="Without a stall"
    )
    with submission.exploring("program", runs=_RUNS):
        stalls = submission.stalls("whole_run", limit=_STALLS, **given.args, **size)
        for stalled in stalls:
            given = work(producers=2, each=6)
            with stalled.told():
                seen = stalled.call(**given.args, **size)
                given.must_be_done(seen, run="In that run")


@check("R3")
def test_two_pipelines_at_once_do_not_meet(submission, work):
    """Both run at the same time; each gets its own items back and no others."""
    first, second = work(producers=1, each=20), work(producers=1, each=20)
    pending = submission.begin("runs_at_once", runs=[first.args, second.args])
    stage = submission.stage
    # All consumers of both: with fewer, one pipeline may be over before the other begins.
    stage.until(lambda s: s.waiting("go") >= 4, within_s=_READY_WITHIN_S)
    stage.open("go")
    seen = pending.result()
    must.hold(
        stage.count("sources", "met") == 2,
        "Two pipelines were started together, but the second began to produce only"
        " when the first was over.",
    )
    first.must_be_done(seen[0], run="first pipeline")
    second.must_be_done(seen[1], run="second pipeline")


@check("R4")
def test_every_start_method_works(submission, work):
    """fork, spawn and forkserver: whatever this machine has, as the caller set it."""
    given = work(producers=1)
    with contextlib.ExitStack() as stack:
        workers = {
            method: stack.enter_context(submission.fresh(start_method=method))
            for method in start_methods()
        }
        calls = {
            method: worker.begin("run_in_processes", **given.args)
            for method, worker in workers.items()
        }
        for method, call in calls.items():
            given.must_be_done(call.result(), run=f"start method {method}")
            seen = [event.data["inherited"] for event in call.worker.stage.log("seen")]
            must.hold(
                method == "fork" or not any(seen),
                f"The start method was set to {method}, but consume() saw what the"
                " caller's process had set at run time: it was forked, or ran there.",
            )
