"""Races: exact under stalls, two runs at once, and processes that inherit nothing."""

import contextlib

from racecourse.checks import check, must, start_methods

_READY_WITHIN_S = 12.0  # two pools of processes that a fork server has to start
_HALF_WITHIN_S = 3.0  # in vain where one run waits for the other: the results tell then
_STALLS = 40
_RUNS = 300


@check("R1")
def test_no_result_is_lost_when_threads_are_stalled(submission, files):
    """Every result at its place, wherever in the file one thread is held.

    Meanwhile the orders of threads of a small run are explored under a scheduler of ours.
    """
    given = files(submission, 12)
    args = {**given.args, "max_workers": 4}
    _must_be_exact(given, submission.call("crowd", **args), run="Without a stall")
    with submission.exploring("program", runs=_RUNS):
        for stalled in submission.stalls("crowd", limit=_STALLS, **args):
            with stalled.told():
                _must_be_exact(given, stalled.call(**args), run="In that run")


def _must_be_exact(given, seen, *, run):
    results, calls = seen
    given.must_be_done(results, run=run)
    must.equal(calls, len(given.paths), what=f"{run}, calls of the worker")


@check("R2")
def test_two_runs_at_once_do_not_meet(submission, files):
    """Different files and different work at the same time, by every approach.

    One run is over when the other is half done: its end is not the other's.
    """
    pairs = [("threading",) * 2, ("asyncio",) * 2, ("threading", "asyncio")]
    for number, approaches in enumerate(pairs):
        _must_be_apart(submission, files, approaches, number)
    # Fork is not for programs with threads; a machine without a fork server is spared.
    if "forkserver" in start_methods():
        with submission.fresh(start_method="forkserver") as worker:
            _must_be_apart(worker, files, ("multiprocessing",) * 2, len(pairs))


def _must_be_apart(worker, files, approaches, number):
    stage, gates = worker.stage, [f"go {number}.{each}" for each in range(2)]
    half, runs = f"half {number}", [files(worker, 6), files(worker, 5)]
    stage.supply(gates[1], [gates[1]] * 2 + [half] * 3)
    call = worker.begin(
        "at_once",
        runs=[run.args for run in runs],
        approaches=list(approaches),
        gates=gates,
    )
    stage.until(lambda s: all(map(s.waiting, gates)), within_s=_READY_WITHIN_S)
    held = [stage.waiting(gate) for gate in gates]
    stage.open(gates[1])
    stage.until(lambda s: s.waiting(half) >= 2, within_s=_HALF_WITHIN_S)
    stage.open(gates[0])
    stage.until(lambda s: s.count(f"over {gates[0]}"), within_s=_HALF_WITHIN_S)
    stage.open(half)
    seen = call.result()
    names = " and ".join(approaches)
    must.hold(
        all(held),
        f"{names}: two runs were started together, but one began to work on its files"
        " only when the other was over.",
    )
    for run, results in zip(runs, seen, strict=True):
        run.must_be_done(results, run=f"{names} at the same time")


@check("R3")
def test_every_start_method_works(submission, files):
    """fork, spawn and forkserver: whatever this machine has, as the caller set it."""
    with contextlib.ExitStack() as stack:
        begun = {}
        for method in start_methods():
            worker = stack.enter_context(submission.fresh(start_method=method))
            given = files(worker, 5)
            begun[method] = given, worker.begin("run_in_processes", **given.args)
        for method, (given, call) in begun.items():
            given.must_be_done(call.result(), run=f"start method {method}")
            ran = call.worker.stage.log("ran")
            must.hold(
                all(event.pid != call.worker.pid for event in ran),
                f"start method {method}: the worker was called in the very process that"
                " had called process_files(approach='multiprocessing').",
            )
            must.hold(
                method == "fork" or not any(event.data["inherited"] for event in ran),
                f"The start method was set to {method}, but the worker saw what the"
                " caller's process had set at run time: its process was forked.",
            )
