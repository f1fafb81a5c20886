"""Races: a look into the table and the entry in it must be one step."""

from racecourse.checks import check, must

_CALLERS = 4


@check("R1")
def test_callers_of_one_key_share_one_call(submission):
    """One thread is held at one place after the other; meanwhile orders are explored.

    The call is over only when every thread of the worker sleeps: then all callers wait.
    """
    with submission.exploring("program", runs=200):
        for stalled in submission.stalls("together", limit=20, callers=_CALLERS):
            with stalled.told():
                pending = stalled.begin(callers=_CALLERS, gate=stalled.token)
                submission.settle(within_s=3)
                submission.stage.open(stalled.token)
                seen = pending.result(within_s=5)
                must.hold(
                    seen["calls"] == 1,
                    f"{_CALLERS} threads asked for one key while no call was over, and"
                    f" {seen['calls']} calls were made.",
                )
                must.equal(seen["values"], ["answer"] * _CALLERS, what="values of do()")
