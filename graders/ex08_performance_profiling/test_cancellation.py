"""Cancellation: stop means stop, and waiting means waiting."""

from racecourse.checks import check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 1.0
_WORKERS = 3
_COUNT = 60
_IDLE_S = 0.6
_IDLE_SHARE = 0.25


@check("X1")
def test_cancel_in_the_middle(submission):
    """The event is set while look-ups are held; then these end, and no others begin."""
    with submission.leaving_nothing():
        pending = submission.begin("cancelled", count=_COUNT, workers=_WORKERS)
        stage = submission.stage
        stage.until(lambda s: s.waiting("go") >= _WORKERS, within_s=_READY_WITHIN_S)
        submission.settle(within_s=_SETTLED_WITHIN_S)
        stage.open("cancel")
        stage.until(lambda s: s.count("set"), within_s=_READY_WITHIN_S)
        submission.settle(within_s=_SETTLED_WITHIN_S)
        before = stage.count("enrich", "enter")
        stage.open("go")
        seen = pending.result(within_s=5)
    must.hold(
        seen["cancelled"] is True,
        f"The run was cancelled half-way, and cancelled was {seen['cancelled']}.",
    )
    begun = stage.count("enrich", "enter")
    must.hold(
        begun <= 4 * _WORKERS + 4,
        f"When cancel was set, {before} look-ups had begun; {begun - before} more began"
        f" after that, of {_COUNT} in all.",
    )
    must.hold(
        seen["records"] <= begun,
        f"records: got {seen['records']}, though only {begun} keys were looked up.",
    )


@check("X2")
def test_an_interrupt_comes_out_and_leaves_no_hook(submission):
    """KeyboardInterrupt inside of the profiled function."""
    seen = submission.call("interrupted")
    must.equal(
        seen["raised"], "KeyboardInterrupt", what="exception out of profile_call"
    )
    must.hold(
        not seen["left"],
        f"After the interrupt, still switched on: {', '.join(seen['left'])}.",
    )
    must.hold(
        seen["again"] is True,
        f"A profile after the interrupt came to {seen['again']}; a report with"
        " functions was expected.",
    )


@check("X3")
def test_blocked_look_ups_cost_nothing(submission):
    """Less than 25 % CPU while every look-up is held."""
    pending = submission.begin("blocked", keys=8, workers=_WORKERS)
    stage = submission.stage
    stage.until(lambda s: s.waiting("go") >= _WORKERS, within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)  # what spins never settles
    share = submission.cpu_share(over_s=_IDLE_S)
    if share >= _IDLE_SHARE:
        share = min(share, submission.cpu_share(over_s=2 * _IDLE_S))
    stage.open("go")
    pending.result()
    must.hold(
        share < _IDLE_SHARE,
        f"While all look-ups were blocked, process_records used {share:.0%} of the CPU"
        " time that a busy loop gets; less than 25% was expected.",
    )
