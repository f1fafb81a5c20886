"""Races: calls that get lost, keys that are asked for twice, waiters that nobody wakes."""

from racecourse.checks import check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 1.0
_KEYS = ["a", "b", "c"]
_WORKERS = 6
# The first visitors of a place are calls of the main thread, which starts the others;
# how many there are is up to the version of Python. From the 60th on they are the others'.
_VISITS = (2, 3, 60, 90, 120, 150)


@check("R1")
def test_no_call_is_lost(submission):
    """Eight threads at a time; then one is held at one place of the profiler."""
    for calls in (50, 200):
        seen = submission.call("calls_in_quick_turns", threads=8, calls=calls)
        must.equal(
            seen, 8 * calls, what=f"8 threads made {calls} calls each; the report"
        )
    args = {"threads": 3, "calls": 40}
    how = {"limit": 48, "visits": _VISITS}
    for stalled in submission.stalls("calls_of_threads", **how, **args):
        with stalled.told():
            seen = stalled.call(**args)
            must.equal(seen, 120, what="3 threads made 40 calls each; the report")


@check("R2")
def test_each_key_is_looked_up_once(submission):
    """The supervisor counts look-ups, and holds each for a second one of the same key."""
    args = {"keys": _KEYS, "times": 4, "workers": _WORKERS}
    stage = submission.stage
    _keep(stage, "free")
    _must_be_asked_once(
        stage, "free", submission.call("asked_once", run="free", **args)
    )
    _keep(stage, "record")
    with submission.exploring("program", runs=250):
        for stalled in submission.stalls("asked_once", limit=25, run="record", **args):
            _keep(stage, stalled.token)
            with stalled.told():
                seen = stalled.call(run=stalled.token, **args)
                _must_be_asked_once(stage, stalled.token, seen)


def _keep(stage, run):
    for key in _KEYS:
        stage.keep(f"{run}:{key}", 0)


def _must_be_asked_once(stage, run, seen):
    for key in _KEYS:
        asked = stage.count(f"{run}:{key}", "read")
        must.hold(
            asked == 1,
            f"Each key came four times, and {_WORKERS} workers were there; one of the"
            f" keys was looked up {asked} times.",
        )
    must.equal(seen["records"], 4 * len(_KEYS), what="records")
    must.equal(seen["totals"], dict.fromkeys(_KEYS, 4), what="totals")
    must.equal(seen["keys"], _KEYS, what="keys, in the order of the records")


@check("R3")
def test_a_look_up_that_fails_is_told_to_all(submission):
    """Others may wait for the key when its look-up raises; then it runs to its end."""
    pending = submission.begin("one_look_up_fails", workers=4, good=24, bad=8)
    stage = submission.stage
    stage.until(lambda s: s.waiting("fail"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("fail")
    seen = pending.result(within_s=10)
    must.equal(
        seen["errors"], 8, what="errors, when one of 25 keys cannot be looked up"
    )
    must.equal(seen["records"], 24, what="records")
    asked = stage.count("asked")
    must.hold(
        asked == 1,
        f"The key whose look-up fails was looked up {asked} times; a failure is an"
        " answer, too.",
    )
