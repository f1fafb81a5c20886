"""Cancellation: stop means stop, and waiting means waiting."""

from racecourse.checks import check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 1.0
_NOTICED_WITHIN_S = 1.5  # a second is promised
_WORKERS = 3
_KNOWN = 8 * _WORKERS
_COUNT = 60
_IDLE_S = 0.6
_IDLE_SHARE = 0.25


@check("X1")
def test_cancel_in_the_middle(submission):
    """The event is set while look-ups are held; then these end, and that is the end.

    Who looks at the event now and then may begin a look-up within the second that
    promise 8 gives. So those are held as well, until the second is over: one for each
    worker is allowed, and a third round is not. One that was under way at the stop is held
    until all sleep that do not: whoever waits for his threads has not returned by then.
    """
    with submission.leaving_nothing():
        pending = submission.begin(
            "cancelled", known=_KNOWN, count=_COUNT, workers=_WORKERS
        )
        stage = submission.stage
        stage.until(
            lambda s: s.waiting("go") + s.waiting("last") >= _WORKERS,
            within_s=_READY_WITHIN_S,
        )
        submission.settle(within_s=_SETTLED_WITHIN_S)
        stage.open("cancel")
        stage.until(lambda s: s.count("set"), within_s=_READY_WITHIN_S)
        submission.settle(within_s=_SETTLED_WITHIN_S)
        taken, begun = stage.count("taken"), stage.count("enrich", "enter")
        stage.open("go")
        submission.settle(within_s=_SETTLED_WITHIN_S)
        stage.open("last")
        _let_the_late_go(stage)
        seen = pending.result(within_s=5)
    _must_have_stopped(stage, taken, begun)
    _must_have_waited(stage)
    _must_be_the_sum_so_far(seen, begun=stage.count("enrich", "enter"))


def _let_the_late_go(stage):
    """Hold look-ups that began after the stop, if there are any, for its second."""
    stage.until(
        lambda s: s.count("returned") or s.waiting("late"), within_s=_READY_WITHIN_S
    )
    if stage.waiting("late"):
        stage.until(lambda s: s.count("returned"), within_s=_NOTICED_WITHIN_S)
    stage.open("late")


def _must_have_stopped(stage, taken, begun):
    late = stage.count("enrich", "enter") - begun
    must.hold(
        late <= _WORKERS,
        f"When cancel was set, {begun} look-ups were under way; after they had ended,"
        f" {late} more were made by {_WORKERS} workers. Those that still wait for a"
        " worker must not be made any more.",
    )
    more = stage.count("taken") - taken
    must.hold(
        more <= _WORKERS,
        f"When cancel was set, {taken} of {_KNOWN + _COUNT} records had been taken;"
        f" {more} more were taken after that, and none was expected.",
    )


def _must_have_waited(stage):
    """No look-up is under way when process_records returns: no thread is left."""
    events = [(event.name, event.kind) for event in stage.log()]
    before = events[: events.index(("returned", "note"))]
    left = before.count(("enrich", "enter")) - before.count(("enrich", "leave"))
    must.hold(
        left == 0,
        f"After a stop, process_records returned with {left} look-ups still under way in"
        " its threads. Join every thread before you return, also on this way out.",
    )


def _must_be_the_sum_so_far(seen, begun):
    """What is still in a window may be missing; what is long known may not."""
    must.hold(
        seen["cancelled"] is True,
        f"The run was cancelled half-way, and cancelled was {seen['cancelled']}.",
    )
    records, least = seen["records"], _KNOWN - 4 * _WORKERS
    must.hold(
        records >= least,
        f"The labels of {_KNOWN} records were known long before cancel was set; in the"
        f" summary so far, records was {records}, and at least {least} was expected.",
    )
    must.hold(
        records <= _KNOWN + begun,
        f"records: got {records}, though only {_KNOWN + begun} keys were looked up.",
    )
    must.equal(
        sum(seen["totals"].values()),
        records,
        what=f"sum of the totals of {records} records with the amount 1",
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
