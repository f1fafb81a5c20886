"""Races: right under any timing, beside another caller, and under any start method."""

import contextlib

from racecourse.checks import check, must, start_methods

_READY_WITHIN_S = 3.0
_SETTLED_WITHIN_S = 0.5

_STALLS = 40
_RUNS = 300


@check("R1")
def test_no_result_is_lost_when_threads_are_stalled(submission, work):
    """Every job once and every result in its place, wherever one thread is held.

    One thread is held at one place between a read and the write that follows, or
    between a test and what it decides, until others have passed; then the next place
    is tried. The most suspicious places come first. Meanwhile the orders of threads
    of a small run are explored under a scheduler of ours.
    """
    given = work(12)
    _must_be_exact(submission.call("crowd", work=given.args, workers=6), given)
    with submission.exploring("program", runs=_RUNS):
        for stalled in submission.stalls(
            "crowd", limit=_STALLS, work=given.args, workers=6
        ):
            given = work(12)
            with stalled.told():
                _must_be_exact(stalled.call(work=given.args, workers=6), given)


def _must_be_exact(seen, given):
    must.have_same_items(
        seen["ran"], given.values, what="jobs that ran on 6 threads, of 12"
    )
    must.equal(seen["results"], given.answers, what="results of 12 jobs on 6 threads")


@check("R2")
def test_two_comparisons_at_once_do_not_mix(submission, work):
    """Both run at the same time; each gets its own rows back, with its own results."""
    method = "forkserver" if "forkserver" in start_methods() else None
    with submission.fresh(start_method=method) as worker:
        given = [work(4), work(6)]
        pending = worker.begin(
            "callers_at_once", works=[each.args for each in given], workers=2
        )
        # Two jobs of each; a submission may let one caller wait for the other.
        worker.stage.until(lambda s: s.waiting("go") >= 4, within_s=_READY_WITHIN_S)
        worker.settle(within_s=_SETTLED_WITHIN_S)
        worker.stage.open("go")
        for number, rows in enumerate(pending.result()):
            whose = f"the {('first', 'second')[number]} of two calls at once"
            must.equal(len(rows), 4, what=f"rows of {whose}")
            for row in rows:
                must.equal(
                    row["results"],
                    given[number].answers,
                    what=f"{row['model']}, {row['task']}: results of {whose}",
                )


@check("R3")
def test_every_start_method_works(submission, work):
    """fork, spawn and forkserver: whatever this machine has, as the caller set it.

    The caller sets it when the submission has been imported.
    """
    given = work(5)
    with contextlib.ExitStack() as stack:
        workers = {
            method: stack.enter_context(submission.fresh())
            for method in start_methods()
        }
        calls = {
            method: worker.begin(
                "run_in_children", work=given.args, workers=2, method=method
            )
            for method, worker in workers.items()
        }
        for method, call in calls.items():
            seen = call.result()
            what = f"start method {method}: results of"
            must.equal(seen["results"], given.answers, what=f"{what} run_multiprocess")
            must.equal(seen["measured"], given.answers, what=f"{what} measure")
            inherited = [
                event.data["inherited"] for event in call.worker.stage.log("seen")
            ]
            must.hold(
                method == "fork" or not any(inherited),
                f"The start method was set to {method}, but a job saw what the caller's"
                " process had set at run time: it was forked, or ran there.",
            )
