"""Races: the limit holds and no slot is lost, however and whenever tasks end.

How many tasks run at once is counted by the stage, which the tasks report to.
"""

from racecourse.checks import check, must

CANCELLED = ["cancelled", "TaskCancelled"]  # status, and what result() raised
TICKS = 13


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
    endings = submission.virtual("crowd", limit=limit, tasks=tasks).value
    peak = submission.stage.peak("running")
    must.hold(
        peak <= limit,
        f"{peak} tasks ran at once, clean-up included; max_concurrent was {limit}.",
    )
    must.equal(peak, limit, what=f"most tasks at once with max_concurrent={limit}")
    started = [event.data["task"] for event in submission.stage.log("running", "enter")]
    for number, kind in enumerate(kinds):
        if kind != "cancel at once":
            must.equal(started.count(number), 1, what=f"starts of a task, {kind!r}")
        must.equal(
            endings[number], _ending(kind, number), what=f"end of a task, {kind!r}"
        )


def _ending(kind, number):
    match kind:
        case "ok":
            return ["done", number]
        case "error":
            return ["failed", "Mishap"]
        case "timeout":
            return ["failed", "TimeoutError"]
    return CANCELLED


@check("R2")
def test_no_slot_is_ever_lost(submission, draw):
    """After thirty failures, timeouts and cancellations every slot still works."""
    limit = draw.randrange(3, 6)
    kinds = {
        "failure": ["failed", "Mishap"],
        "timeout": ["failed", "TimeoutError"],
        "cancelled while running": CANCELLED,
        "cancelled at once": CANCELLED,
    }
    trouble = [
        *["failure", "timeout"] * 10,
        *["cancelled while running", "cancelled at once"] * 5,
    ]
    draw.shuffle(trouble)
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
    late = seen["troubled"].count(None)
    must.hold(
        not late,
        f"{what} on {limit} slots: {late} of these tasks had not ended after 1000 s.",
    )
    must.equal(
        seen["troubled"],
        [kinds[kind] for kind in trouble],
        what=f"{what}: how they ended",
    )
    peak = submission.stage.peak(what)
    must.hold(
        peak == limit,
        f"After {what}, {peak} tasks ran at once; max_concurrent was {limit}.",
    )
    must.equal(seen["met"], ["done"] * (limit + 2), what=f"tasks after {what}")


@check("R3")
def test_a_cancel_at_any_tick_leaves_the_manager_consistent(submission, draw):
    """cancel() keeps its word and loses no slot at any tick of a task's life."""
    values = draw.sample(range(1000), 4)
    for queued in (False, True):
        life = "that found a free slot" if not queued else "that had to queue"
        run = submission.virtual(
            "cancel_at_each_tick", ticks=TICKS, queued=queued, values=values
        )
        if run.stuck:
            tick = submission.stage.log("cancelling")[-1].data["tick"]
            run.stuck.saw = (
                f"A task {life} was cancelled at tick {tick}. {run.stuck.saw}"
            )
        for tick, seen in enumerate(run.value):
            peak = submission.stage.peak(f"tick {tick}, queued {queued}")
            what = f"A task {life}, cancelled at tick {tick}"
            _must_be_consistent(what, seen, peak, values, before=2 * queued)


def _must_be_consistent(what, seen, peak, values, *, before):
    """Demand that cancel() told the truth, others are unharmed, and both slots work."""
    victim = CANCELLED if seen["answer"] is True else ["done", values[0]]
    must.hold(
        seen["answer"] in {True, False} and seen["victim"] == victim,
        f"{what}: cancel() returned {seen['answer']}, but the task"
        f" {_told(seen['victim'])}.",
    )
    others = [["done", value] for value in values[1:]]
    must.equal(seen["others"], others, what=f"{what}: the tasks behind it")
    must.hold(
        peak == 2,
        f"{what}: afterwards {peak} tasks ran at once; max_concurrent was 2.",
    )
    must.equal(seen["met"], ["done"] * 4, what=f"{what}: tasks submitted afterwards")
    done = before + len(others) + len(seen["met"]) + (victim != CANCELLED)
    stats = {"pending": 0, "running": 0, "done": done, "failed": 0}
    stats["cancelled"] = int(victim == CANCELLED)
    must.equal(seen["stats"], stats, what=f"{what}: stats()")


def _told(ending):
    return (
        "never ended" if ending is None else f"ended {ending[0]!r} with {ending[1]!r}"
    )
