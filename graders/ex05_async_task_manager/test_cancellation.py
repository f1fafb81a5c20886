"""Cancellation: a cancelled task ends tidily, and a cancelled waiter only stops waiting.

The order of interruption, clean-up and next start is the order in which the tasks
themselves reported to the stage.
"""

from racecourse.checks import check, must

CANCELLED = ["cancelled", "TaskCancelled"]  # status, and what result() raised
TICKS = 13

# From 0, the most urgent. Whoever takes these three out of a heap and lets the last entry fill
# the gap, or all move up, loses the order of the rest; also if it is mended only in the
# one direction, up or down.
RANKS = (2, 3, 4, 5, 6, 0, 1)
CALLED_OFF = (3, 5, 6)

# Tasks that wait by urgency, and more urgent ones that come later and are all cancelled. Whoever
# sweeps these out of a heap, at any number or share of them, has no heap left.
STAYING, MOST = 50, 105


@check("X1")
def test_a_cancelled_pending_task_never_starts(submission, draw):
    """Its fn is never called, whoever asks gets TaskCancelled, and no turn changes."""
    values = draw.sample(range(1000), 7)
    urgencies = sorted(draw.sample(range(-20, 20), 7))
    priorities = [urgencies[rank] for rank in RANKS]
    seen = submission.virtual(
        "cancel_pending",
        values=values,
        priorities=priorities,
        chosen=CALLED_OFF,
        story="few",
    ).value
    must.equal(seen["answers"], [True] * 3, what="cancel() of three pending tasks")
    called = [event.data["task"] for event in submission.stage.log("few")]
    kept = [number for number in range(7) if number not in CALLED_OFF]
    late = sorted(set(called) & set(CALLED_OFF))
    must.hold(not late, f"{len(late)} of 3 cancelled pending tasks were started.")
    must.have_same_items(called, kept, what="tasks that were started")
    by_urgency = sorted(kept, key=priorities.__getitem__)
    must.hold(
        called == by_urgency,
        f"Of 7 waiting tasks with priorities {priorities}, {_numbered(CALLED_OFF)} were"
        f" cancelled. The others started in the order {_numbered(called)}; expected"
        f" {_numbered(by_urgency)}.",
    )
    wanted = [
        CANCELLED if number in CALLED_OFF else ["done", value]
        for number, value in enumerate(values)
    ]
    unanswered = seen["endings"].count(None)
    must.hold(
        not unanswered,
        f"{unanswered} of 7 coroutines that awaited result() waited for ever.",
    )
    must.equal(seen["endings"], wanted, what="result() asked before the cancellation")
    must.equal(seen["asked again"], wanted, what="result() asked at the end")
    must.equal(seen["too late"], [False] * 8, what="cancel() of finished tasks")
    stats = {"pending": 0, "running": 0, "done": 5, "failed": 0, "cancelled": 3}
    must.equal(seen["stats"], stats, what="stats()")
    _many_are_called_off(submission, draw.randrange(-200, 1))


def _many_are_called_off(submission, urgency):
    """Whoever sweeps the queue once many in it are cancelled must keep its order."""
    staying = [urgency + number for number in range(STAYING)]
    cancelled = [urgency - MOST + number for number in range(MOST)]
    submission.virtual(
        "cancel_pending",
        values=[0] * (STAYING + MOST),
        priorities=staying + cancelled,
        chosen=list(range(STAYING, STAYING + MOST)),
        story="many",
    )
    called = [event.data["task"] for event in submission.stage.log("many")]
    told = f"{MOST} of {STAYING + MOST} waiting tasks were cancelled, the most urgent"
    must.have_same_items(called, list(range(STAYING)), what=f"{told}: tasks started")
    for due, got in enumerate(called):
        must.hold(
            got == due,
            f"{told}. Number {due + 1} of the others to start had priority"
            f" {staying[got]}, though one with {staying[due]} was waiting.",
        )


def _numbered(order):
    return [number + 1 for number in order]


@check("X2")
def test_the_slot_is_used_again_only_after_the_clean_up(submission, draw):
    """A running task gets one CancelledError and all the time that its clean-up takes."""
    tidy_s = draw.choice((0.5, 0.6, 0.7))
    _cancelled_twice(submission, tidy_s)
    _cancelled_before_its_timeout(submission, tidy_s)
    _stubborn(submission, draw.randrange(1000))


def _cancelled_twice(submission, tidy_s):
    seen = submission.virtual(
        "cancel_running", tidy_s=tidy_s, again_s=tidy_s / 2, limit_s=None, story="twice"
    ).value
    what = f"A running task, cancelled twice, with {tidy_s} s of clean-up"
    _must_be_tidy(submission, "twice", seen, tidy_s, what)


def _cancelled_before_its_timeout(submission, tidy_s):
    # It runs for 1 s, is cancelled, and its timeout is over in the middle of clean-up.
    seen = submission.virtual(
        "cancel_running",
        tidy_s=tidy_s,
        again_s=tidy_s * 0.9,
        limit_s=1 + tidy_s / 2,
        story="timeout",
    ).value
    what = f"A cancelled task whose timeout ran out during {tidy_s} s of clean-up"
    _must_be_tidy(submission, "timeout", seen, tidy_s, what)


def _must_be_tidy(submission, story, seen, tidy_s, what):
    must.hold(seen["answer"] is True, f"{what}: cancel() returned {seen['answer']}.")
    events = [event.data["what"] for event in submission.stage.log(story)]
    wanted = ["interrupted", "cleaned up", "next started"]
    must.equal(events, wanted, what=what)
    must.equal(seen["during"], "running", what=f"{what}: status during clean-up")
    must.equal(seen["endings"], [CANCELLED, ["done", None]], what=f"{what}: its end")
    must.be_within(
        seen["reused_s"],
        tidy_s - 0.001,
        tidy_s + 0.2,
        what=f"{what}: seconds from cancel() until the slot was used again",
    )
    must.hold(
        seen["too late"] is False,
        f"{what}: cancel() returned {seen['too late']} when it had finished.",
    )


def _stubborn(submission, value):
    seen = submission.virtual("cancel_the_stubborn", value=value).value
    swallowing, failing, timed_out = zip(seen["answers"], seen["endings"], strict=True)
    must.equal(
        swallowing[1],
        ["done", value],
        what="a cancelled task that swallows the CancelledError and returns",
    )
    must.equal(
        failing,
        (True, CANCELLED),
        what="a cancelled task whose clean-up raises: cancel(), and its end",
    )
    must.hold(
        not seen["cut short"],
        "A task was cancelled in the clean-up that its timeout had begun, and a second"
        " CancelledError interrupted that clean-up.",
    )
    # A timeout was at work first: whichever of the two wins, cancel() must say so.
    honest = CANCELLED if timed_out[0] is True else ["failed", "TimeoutError"]
    must.equal(
        timed_out[1],
        honest,
        what=f"a task in the clean-up of its timeout, cancel() returned {timed_out[0]}",
    )


@check("X3")
def test_whoever_waits_may_give_up(submission, draw):
    """Cancelling a waiter of result() or join() does not touch the task."""
    values = draw.sample(range(1000), 2)
    for alone in (False, True):
        _waiters_give_up(submission, values, alone=alone)


def _waiters_give_up(submission, values, *, alone):
    seen = submission.virtual(
        "waiters_give_up", ticks=TICKS, values=values, alone=alone
    ).value
    whose = "all its waiters" if alone else "some of its waiters"
    must.equal(
        seen["statuses"],
        ["running", "pending"],
        what=f"status of each task after {whose} were cancelled",
    )
    names = ("result() of a running task", "result() of a pending task", "join()")
    for tick, gave_up in enumerate(seen["gave up"]):
        for name, cancelled in zip(names, gave_up, strict=True):
            must.hold(
                cancelled,
                f"A coroutine that awaited {name} was cancelled at tick {tick}; no"
                " CancelledError came out of it.",
            )
    must.equal(len(seen["gave up"]), TICKS, what="ticks")
    timeouts = ["TimeoutError"] * 3
    must.equal(seen["with wait_for"], timeouts, what="asyncio.wait_for around the same")
    wanted = [["done", value] for value in values]
    who = "one who asked after them" if alone else "one who did not give up"
    must.equal(seen["faithful"], wanted, what=f"result() for {who}")
    must.equal(seen["asked again"], wanted, what="result() asked afterwards")
    must.equal(seen["joined"], [None, None], what="join() for those who stayed or came")


@check("X4")
def test_a_cancelled_block_cancels_and_awaits_its_tasks(submission):
    """Cancelled in its body or at its end, `async with` leaves nothing and passes it on."""
    stories = (
        ("its body", [1.0], 50.0),
        ("the wait at its end", [1.0], 0.5),
        ("its body, and again during the clean-up", [1.0, 1.25], 50.0),
    )
    for story, moments_s, body_s in stories:
        run = submission.virtual(
            "cancel_the_block", moments_s=moments_s, body_s=body_s, story=story
        )
        seen, how = run.value, f"async with, cancelled in {story}"
        must.hold(seen["over"], f"{how}, had not been left 49 s later.")
        must.hold(seen["cancelled"], f"{how}: no CancelledError came out.")
        _must_have_cleaned_up(submission, story, how)
        must.equal(
            seen["statuses"], ["cancelled"] * 4, what=f"{how}: statuses of 4 tasks"
        )
        must.leave_no_task(run, after=how)


def _must_have_cleaned_up(submission, story, how):
    """Demand that two running tasks cleaned up in time, and two pending never started."""
    events = [event.data["what"] for event in submission.stage.log(story)]
    in_time = events[: events.index("over")].count("cleaned up")
    must.hold(
        in_time == 2,
        f"{how}: {in_time} of 2 running tasks had finished their clean-up when it was"
        " over.",
    )
    started = events.count("started after all")
    must.hold(not started, f"{how}: {started} of 2 pending tasks were started.")
