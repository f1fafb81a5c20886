"""Races: the limit holds and no slot is lost, however and whenever tasks end.

How many tasks run at once is counted by the stage, which the tasks report to. Meanwhile each
check has the orders of the tasks' steps explored in a small program, with a cancel at
every moment.
"""

from racecourse.checks import check, must

UNFINISHED = {"pending", "running"}
TICKS = 13

_RUNS = 300


@check("R1")
def test_never_more_than_the_limit_run(submission, draw):
    """Forty tasks succeed, fail, time out or are cancelled; the limit always holds."""
    limit = draw.randrange(3, 6)
    kinds = ["ok", "error", "timeout", "cancel", "cancel at once"] * 8
    draw.shuffle(kinds)
    tasks = [
        {
            "kind": kind,
            "seconds": draw.randrange(5, 15) / 10,
            "tidy_s": draw.choice((0.0, 0.35, 0.65)),
        }
        for kind in kinds
    ]
    with submission.exploring("limit", runs=_RUNS):
        statuses = submission.virtual("crowd", limit=limit, tasks=tasks).value
        peak = submission.stage.peak("running")
        must.hold(
            peak <= limit,
            f"{peak} tasks ran at once, clean-up included; max_concurrent was {limit}.",
        )
        must.equal(peak, limit, what=f"most tasks at once with max_concurrent={limit}")
        late = sum(status in UNFINISHED for status in statuses)
        must.hold(not late, f"{late} of 40 tasks had not ended after 2000 s.")
        started = [
            event.data["task"] for event in submission.stage.log("running", "enter")
        ]
        for number, kind in enumerate(kinds):
            starts = started.count(number)
            # One that waits may be cancelled before its start, and never gets to it.
            enough = kind not in {"ok", "error", "cancel"} or starts
            must.hold(starts < 2 and enough, f"A task ({kind}) started {starts} times.")
            if kind == "ok":
                must.equal(
                    statuses[number], "done", what="status of an undisturbed task"
                )


@check("R2")
def test_no_slot_is_ever_lost(submission, draw):
    """After thirty failures, timeouts and cancellations every slot still works."""
    limit = draw.randrange(3, 6)
    kinds = (
        *("failure", "CancelledError of its own", "timeout", "swallowed timeout"),
        *("cancelled while running", "cancelled at once"),
    )
    trouble = [*kinds] * 5
    draw.shuffle(trouble)
    with submission.exploring("slots", runs=_RUNS):
        for kind in kinds:
            _every_slot_works(submission, limit, [kind] * 10, kinds)
        _every_slot_works(submission, limit, trouble, kinds)


def _every_slot_works(submission, limit, trouble, kinds):
    what = " and ".join(
        f"{trouble.count(kind)} x {kind}" for kind in kinds if kind in trouble
    )
    seen = submission.virtual(
        "slots_after_trouble", limit=limit, kinds=trouble, meeting=what
    ).value
    late = sum(status in UNFINISHED for status in seen["troubled"])
    must.hold(
        not late,
        f"{what} on {limit} slots: {late} of these tasks had not ended after 1000 s.",
    )
    peak = submission.stage.peak(what)
    must.hold(
        peak == limit,
        f"After {what}, {peak} tasks ran at once; max_concurrent was {limit}.",
    )
    must.equal(seen["met"], ["done"] * (limit + 2), what=f"tasks after {what}")


@check("R3")
def test_a_cancel_at_any_tick_leaves_the_manager_consistent(submission):
    """cancel() keeps its word and loses no slot at any tick of a task's life."""
    with submission.exploring("answer", runs=_RUNS):
        for queued in (False, True):
            _must_survive_each_tick(submission, queued=queued)
        what = "A task that cancelled itself in its last step"
        seen = submission.virtual("cancel_oneself", meeting=what).value
        _must_be_consistent(what, seen, submission.stage.peak(what), before=0)


def _must_survive_each_tick(submission, *, queued):
    life = "that had to queue" if queued else "that found a free slot"
    run = submission.virtual("cancel_at_each_tick", ticks=TICKS, queued=queued)
    if run.stuck:
        tick = submission.stage.log("cancelling")[-1].data["tick"]
        run.stuck.saw = f"A task {life} was cancelled at tick {tick}. {run.stuck.saw}"
    must.equal(len(run.value), TICKS, what="ticks")
    for tick, seen in enumerate(run.value):
        peak = submission.stage.peak(f"tick {tick}, queued {queued}")
        what = f"A task {life}, cancelled at tick {tick}"
        _must_be_consistent(what, seen, peak, before=2 * queued)


def _must_be_consistent(what, seen, peak, *, before):
    """Demand that cancel() told the truth, others are unharmed, and both slots work."""
    answer = seen["answer"]
    victim = "cancelled" if answer is True else "done"
    must.hold(
        isinstance(answer, bool) and seen["victim"] == victim,
        f"{what}: cancel() returned {answer}, and the task is"
        f" {seen['victim']!r} in the end.",
    )
    must.equal(seen["others"], ["done"] * 3, what=f"{what}: three tasks behind it")
    must.hold(
        peak == 2,
        f"{what}: afterwards {peak} tasks ran at once; max_concurrent was 2.",
    )
    must.equal(seen["met"], ["done"] * 4, what=f"{what}: tasks submitted afterwards")
    cancelled = int(victim == "cancelled")
    done = before + 1 + 3 + 4 - cancelled
    stats = {"pending": 0, "running": 0, "done": done, "failed": 0}
    must.equal(
        seen["stats"], {**stats, "cancelled": cancelled}, what=f"{what}: stats()"
    )
