"""Speedup: streams that do not wait for each other, and what waiting and working cost."""

from racecourse.checks import Hung, check, cpu_shares, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_MANY = 3_000
_MANY_WITHIN_S = 10.0
_AT_ONCE_S = 0.25
_IDLE_S = 0.6


@check("S1")
def test_streams_do_not_wait_for_each_other(submission, draw):
    """Four at once, with names of all kinds; others beside a stuck one; not five."""
    # With streams dealt out to workers by a hash, 1 round in 10 would pass by luck.
    names = iter(draw.sample(range(100_000), 6 * 4))
    rounds = [[f"station {next(names)}" for _ in range(4)] for _ in range(6)]
    submission.call("meetings", rounds=rounds, workers=4)
    met = _rounds_that_met(submission.stage)
    must.hold(
        met == 6,
        "4 different streams had an event each, and there were 4 workers, but not all 4"
        f" events were handled at the same time (round {met + 1} of 6).",
    )
    for stuck in (1, 3):
        with submission.fresh() as worker:
            _others_pass_by(worker, stuck)
    with submission.fresh() as worker:
        _must_not_be_too_many(worker)


def _rounds_that_met(stage):
    rounds = range(1, 7)
    return sum(stage.count(f"together {n}", "met") == 4 for n in rounds)


def _others_pass_by(submission, count):
    """With 4 workers, 1 or 3 of them held, and 5 events queued in each stuck stream."""
    stuck = [f"stuck {n}" for n in range(count)]
    others = [f"other {n}" for n in range(6)]
    pending = submission.begin("beside", stuck=stuck, others=others, each=6, workers=4)
    stage = submission.stage
    due = len(others) * 6
    stage.until(lambda s: s.count("passed by") == due, within_s=2 * _READY_WITHIN_S)
    came, inside = stage.count("passed by"), stage.peak("handle")
    stage.open("go")
    must.hold(
        came == due,
        f"The handlers of {count} of 4 workers were stuck, in {count} stream"
        f"{'s' * (count > 1)} with more events queued. Of {due} events of 6 other"
        f" streams, {came} were handled meanwhile; {inside} handlers were stuck in the"
        " end.",
    )
    pending.result()


def _must_not_be_too_many(submission):
    pending = submission.begin("crowd", streams=7, workers=4)
    stage = submission.stage
    stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    stage.until(lambda s: s.peak("handle") >= 4, within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("go")
    pending.result()
    must.equal(stage.peak("handle"), 4, what="events handled at once, with workers=4")


@check("S2")
def test_an_event_costs_little(submission):
    """Three thousand events in two streams, with a handler that does nothing."""
    pending = submission.begin("no_ops", count=_MANY)
    try:
        handled = pending.result(within_s=_MANY_WITHIN_S)
    except Hung:
        must.fail(
            f"{_MANY} events whose handler does nothing had not all been handled within"
            f" {_MANY_WITHIN_S:g} s."
        )
    must.equal(handled, _MANY, what="events that were handled")


@check("S3")
def test_an_idle_processor_is_awake_at_once(submission):
    """Five events, each published when all has been quiet for a moment."""
    times = 5
    pending = submission.begin("wake_ups", times=times)
    stage = submission.stage
    gates = (*(f"publish {number}" for number in range(1, times + 1)), "more")
    for due, gate in enumerate(gates, 1):
        stage.until(
            lambda s, due=due, gate=gate: (
                s.count("started") == 2 * due and s.waiting(gate)
            ),
            within_s=_READY_WITHIN_S,
        )
        submission.settle(within_s=_SETTLED_WITHIN_S)
        stage.open(gate)
    pending.result()
    for workers, told in ((3, "three workers"), (1, "one worker")):
        took = _seconds_to_start(stage, workers)
        must.equal(len(took), times, what=f"{told}: events that started")
        must.hold(
            min(took) <= _AT_ONCE_S,
            f"A processor of {told} was idle, and an event came. Until its handler had"
            f" begun it took {min(took):.3f} s in the best of {times} tries, and"
            f" {max(took):.3f} s in the worst; {_AT_ONCE_S:g} s were allowed.",
        )


def _seconds_to_start(stage, workers):
    """Return how long each event took from publish to the start of its handler."""
    published, started = (
        {
            e.data["number"]: e.at_ns
            for e in stage.log(name)
            if e.data["workers"] == workers
        }
        for name in ("publishing", "started")
    )
    return [(started[n] - at) / 1e9 for n, at in published.items() if n in started]


@check("S4")
def test_waiting_uses_no_cpu(submission):
    """Idle workers, and a publisher that waits for room, watched at the same time."""
    with submission.fresh() as other:
        calls = submission.begin("idle"), other.begin("waiting_for_room")
        for worker in (submission, other):
            worker.stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
        for worker in (submission, other):
            worker.settle(within_s=_SETTLED_WITHIN_S)  # what spins never settles
        idle, full = cpu_shares(submission, other, over_s=_IDLE_S)
        for worker, gate in ((submission, "more"), (other, "go")):
            worker.stage.open(gate)
        for call in calls:
            call.result()
    for what, share in (
        ("the processor was idle", idle),
        ("a publisher waited for room, and a handler blocked", full),
    ):
        must.hold(
            share < 0.25,
            f"While {what}, the program used {share:.0%} of the CPU time that a busy loop"
            " gets; less than 25% was expected.",
        )
