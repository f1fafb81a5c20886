"""Races: right under any timing, beside another caller, and under any start method."""

import contextlib

from racecourse.checks import check, must, start_methods

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5

_STALLS = {"thread": 24, "all": 16}
_TASKS = 10
_RUNS = 200


@check("R1")
def test_no_outcome_is_lost_when_threads_are_stalled(
    submission, work, must_succeed, demands
):
    """Every outcome in its place, wherever one thread is held.

    First the orders of threads of a small run are explored under a scheduler of ours: it
    sees at once that nobody can go on, where a run in real time waits for its budget.
    Then one thread is held at one place between a read and the write that follows, or
    between a test and what it decides, until others have passed; then the next place
    is tried. The most suspicious places come first.
    """
    with submission.exploring("pair", "queueing", runs=_RUNS):
        pass
    for how, limit in _STALLS.items():
        what = f"{demands.call(how)}: {_TASKS} tasks on 5 threads"
        for stalled in submission.stalls(
            "crowd", limit=limit, how=how, asks=work(_TASKS).asks, max_workers=5
        ):
            given = work(_TASKS)
            with stalled.told():
                seen = stalled.call(how=how, asks=given.asks, max_workers=5)
                must_succeed(seen["outcomes"], given, what=what)
                must.have_same_items(
                    seen["ran"], given.values, what=f"{what}: tasks that ran"
                )


@check("R2")
def test_two_calls_at_once_do_not_mix(submission, work, must_succeed):
    """Both run at the same time; each gets its own outcomes back."""
    method = "forkserver" if "forkserver" in start_methods() else None
    with submission.fresh(start_method=method) as worker:
        given = [work(4), work(6)]
        kinds = [{"kind": kind} for kind in ("cpu", "io", "io", "cpu")]
        pending = worker.begin(
            "callers_at_once",
            calls=[each.tasks(*kinds, gate="go", kind="io") for each in given],
            max_workers=2,
        )
        # Two threads and two processes of each; one may let the other wait.
        worker.stage.until(lambda s: s.waiting("go") >= 8, within_s=_READY_WITHIN_S)
        worker.settle(within_s=_SETTLED_WITHIN_S)
        worker.stage.open("go")
        for number, outcomes in enumerate(pending.result()):
            whose = (
                f"the {('first', 'second')[number]} of two calls of process_all at once"
            )
            must_succeed(outcomes, given[number], what=whose)


@check("R3")
def test_every_start_method_works(submission, work, must_succeed):
    """fork, spawn and forkserver: whatever this machine has, as the caller set it."""
    given = work(4)
    with contextlib.ExitStack() as stack:
        workers = {
            method: stack.enter_context(submission.fresh(start_method=method))
            for method in start_methods()
        }
        calls = {
            method: worker.begin("run_in_children", asks=given.asks, max_workers=1)
            for method, worker in workers.items()
        }
        for method, call in calls.items():
            names = ('run_with("process")', "process_all")
            for name, outcomes in zip(names, call.result(), strict=True):
                must_succeed(outcomes, given, what=f"start method {method}: {name}")
            inherited = [
                event.data["inherited"] for event in call.worker.stage.log("seen")
            ]
            must.hold(
                method == "fork" or not any(inherited),
                f"The start method was set to {method}, but a task saw what the caller's"
                " process had set at run time: it was forked, or ran there.",
            )
