"""Correctness: what comes back, in which order tasks start, and how the manager ends.

Time is virtual, so "after a second" means: after everything that can happen now. Values,
priorities and texts are drawn for every run. Every order is the order in which the tasks
themselves reported to the stage.
"""

from racecourse.checks import check, must

STATUSES = ("pending", "running", "done", "failed", "cancelled")
CANCELLED = ["cancelled", "TaskCancelled"]  # status, and what result() raised
ITS_OWN = [["failed", "CancelledError"], ["failed", "TaskCancelled"]]


def counts(statuses):
    """What stats() says of tasks with these statuses."""
    return {status: statuses.count(status) for status in STATUSES}


def order_of(submission, name="started"):
    """The tasks in the order in which they reported."""
    return [event.data["task"] for event in submission.stage.log(name)]


STAGES = (
    ("A new manager", ""),
    ("Two of four tasks run", "running running pending pending"),
    ("Tasks 1 and 2 have ended", "done done running running"),
    ("All tasks have ended", "done done done done"),
)


@check("C1")
def test_every_outcome_comes_back_and_every_stage_is_told(submission, draw):
    """Values, statuses and stats() are right at each stage of four tasks on two slots."""
    values = draw.sample(range(1000), 4)
    name, priority = f"story {draw.randrange(1000)}", -draw.randrange(1, 100)
    seen = submission.virtual(
        "life_of_four_tasks", values=values, name=name, priority=priority
    ).value
    for (stage, statuses), told in zip(STAGES, seen["stages"], strict=True):
        wanted = statuses.split()
        must.equal(told["statuses"], wanted, what=f"{stage}: statuses")
        must.equal(told["stats"], counts(wanted), what=f"{stage}: stats()")
        over = not {"pending", "running"} & set(wanted)
        must.hold(
            told["joined"] is over,
            f"{stage}: join() {'still waited' if over else 'had already returned'}.",
        )
    endings = [["done", value] for value in values]
    must.equal(seen["endings"], endings[:3], what="result() of tasks 1 to 3")
    must.equal(seen["asked again"], endings, what="result() of all, asked at the end")
    must.equal(seen["attributes"], [name, priority], what="name and priority")
    must.equal(seen["ids"], len(values), what="different ids of four tasks")
    failing = submission.virtual("life_of_a_failing_task").value
    must.equal(
        failing["ending"], ["failed", "Mishap"], what="end of a task that raised"
    )
    must.equal(failing["stats"], counts(["failed"]), what="stats() after it")


@check("C2")
def test_the_most_urgent_task_is_next_and_ties_keep_their_order(submission, draw):
    """On one slot tasks start by priority, equal ones first in, first out."""
    few = draw.sample(range(-9, 10), 3)
    few.insert(draw.randrange(3), draw.choice(few))
    few.insert(0, 10)  # the least urgent comes first: nobody may choose it yet
    equal = [draw.randrange(10)] * 12
    mixed = [draw.choice((1, 2, 3)) for _ in range(12)]
    batches = (
        ("1 s apart", few, 1.0),
        ("all at once", equal, 0.0),
        ("all at once, from three priorities", mixed, 0.0),
        ("1 s apart, with one priority", equal, 1.0),
    )
    for how, priorities, apart_s in batches:
        seen = submission.virtual(
            "starts_on_one_slot", priorities=priorities, apart_s=apart_s, note=how
        ).value
        wanted = sorted(range(len(priorities)), key=priorities.__getitem__)
        order = order_of(submission, how)
        must.hold(
            order == wanted,
            f"Tasks submitted {how}, with priorities {priorities}, started in the order"
            f" {_numbered(order)}; expected {_numbered(wanted)}.",
        )
        must.equal(seen, list(range(len(priorities))), what=f"results, submitted {how}")


def _numbered(order):
    return [number + 1 for number in order]


@check("C3")
def test_a_late_urgent_task_overtakes_all_that_wait(submission, draw):
    """Who is next is decided when a slot becomes free, not when a task is submitted."""
    waiting = draw.sample(range(5, 10), 4)
    urgent = [draw.randrange(5), -draw.randrange(1, 5)]
    seen = submission.virtual("late_and_urgent", waiting=waiting, urgent=urgent).value
    # Two slots: one for the urgent task that is there, one for the best of the others.
    first, *others = sorted(range(4), key=waiting.__getitem__)
    wanted = [4, first, 5, *others]
    order = order_of(submission)
    must.hold(
        order == wanted,
        f"Tasks 1 to 4 waited with priorities {waiting}. Task 5 came just before two"
        f" slots became free, task 6 just after, with priorities {urgent}. They started"
        f" in the order {_numbered(order)}; expected {_numbered(wanted)}.",
    )
    must.equal(seen, [True, True], what="results of the two tasks that ran before")


@check("C4")
def test_what_is_submitted_is_never_compared(submission, draw):
    """Equal priorities work with functions and arguments that refuse comparison."""
    values = draw.sample(range(1000), 3)
    sums = submission.virtual("sums_of_incomparables", values=values).value
    kinds = (
        *("an async function", "a lambda", "a functools.partial"),
        *("an object with async __call__", "a bound method"),
        "a function that returns a future",
    )
    wanted = [values[0] + value for value in values for _ in kinds]
    for number, (got, due) in enumerate(zip(sums, wanted, strict=True)):
        kind = kinds[number % len(kinds)]
        must.equal(got, due, what=f"result of task {number + 1}, {kind}")


@check("C5")
def test_a_failure_is_raised_each_time_and_disturbs_nobody(submission, draw):
    """result() raises the task's own exception; asyncio has nothing to complain about."""
    values, text = draw.sample(range(1000), 4), f"mishap {draw.randrange(1000)}"
    run = submission.virtual("failures_among_others", values=values, text=text)
    seen = run.value
    for time, asked in zip(("first", "second", "third"), seen["asked"], strict=True):
        must.hold(
            asked is not None,
            f"A task raised Mishap({text!r}); the {time} result() returned a value.",
        )
        must.equal(asked[:2], ["Mishap", text], what=f"the {time} result() raised")
        must.hold(
            asked[2],
            f"The {time} result() raised a copy of the exception, not the one that the"
            " task raised.",
        )
    must.equal(seen["others"], [*values, text], what="results of the other tasks")
    must.equal(seen["status"], "failed", what="status of a task that raised")
    # Nobody called cancel(): whether it failed or was cancelled, it had an exception.
    must.hold(
        seen["interrupted"] in (CANCELLED, *ITS_OWN),
        "A task awaited a future that was cancelled elsewhere, and a CancelledError came"
        f" out of it; it ended {_told(seen['interrupted'])}. Expected is 'cancelled' with"
        " TaskCancelled, or 'failed' with its exception.",
    )
    must.be_silent(run)


@check("C6")
def test_a_timeout_counts_from_the_start(submission, draw):
    """Waiting costs no task its timeout, and a task's own TimeoutError is passed on."""
    value, text = draw.randrange(1000), f"own {draw.randrange(1000)}"
    limit_s, wait_s = draw.choice((2.0, 3.0, 4.0)), draw.choice((10.0, 20.0))
    seen = submission.virtual(
        "timeouts", value=value, text=text, wait_s=wait_s, limit_s=limit_s
    ).value
    patient, slow, *own = seen["endings"]
    must.hold(
        patient == ["done", value],
        f"A task with timeout={limit_s:g} waited {wait_s:g} s for a slot and then ran"
        f" {limit_s / 2:g} s; it ended {_told(patient)}.",
    )
    must.hold(
        slow == ["failed", "TimeoutError"],
        f"A task with timeout={limit_s:g} that would run 100 s ended {_told(slow)};"
        " expected status 'failed' and a TimeoutError.",
    )
    must.equal(len(seen["ran_s"]), 1, what="tasks that ran into their timeout")
    must.be_within(
        seen["ran_s"][0],
        limit_s - 0.001,
        limit_s + 0.2,
        what=f"seconds that a task with timeout={limit_s:g} ran",
    )
    ends = [["failed", "TimeoutError"]] * 2
    must.equal(own, ends, what="end of tasks that raised a TimeoutError themselves")
    must.equal(seen["own"], [text] * 2, what="text of those TimeoutErrors")
    must.equal(seen["asked again"], seen["endings"], what="the same, asked again")
    _must_clean_up_before_it_has_failed(submission, limit_s)
    _must_end_in_one_way(submission, value)


def _must_clean_up_before_it_has_failed(submission, limit_s):
    seen = submission.virtual(
        "timeout_with_clean_up", limit_s=limit_s, tidy_s=1.0
    ).value
    what = "a task with 1 s of clean-up, half a second after its timeout"
    during = {"status": "running", "stats": counts(["running"])}
    for name, wanted in during.items():
        must.equal(seen["during"][name], wanted, what=f"{name} of {what}")
    early = seen["early"]
    must.hold(not early, f"{' and '.join(early)} had returned for {what}.")
    must.equal(seen["ending"], ["failed", "TimeoutError"], what="its end")


def _must_end_in_one_way(submission, value):
    seen = submission.virtual("timeout_that_is_swallowed", value=value).value
    what = "A task whose time was up swallowed the CancelledError and returned a value"
    first, again = seen["endings"]
    must.hold(
        first in (["done", value], ["failed", "TimeoutError"]),
        f"{what}; it ended {_told(first)}. Expected is 'failed' with a TimeoutError, or"
        " 'done' with its value: let status and result() ask the same thing.",
    )
    must.equal(again, first, what=f"{what}: the end, asked again")
    must.equal(seen["stats"], counts([first[0]]), what=f"{what}: stats()")


def _told(ending):
    if ending is None:
        return "not at all"
    status, outcome = ending
    return f"{status!r} with {outcome!r}"


@check("C7")
def test_wrong_use_is_refused_and_fn_is_called_late(submission, draw):
    """Bad arguments and late submits are errors; no coroutine is left unawaited."""
    values, negative = draw.sample(range(1000), 3), -draw.randrange(1, 9)
    run = submission.virtual("wrong_use", values=values, negative=negative)
    seen = run.value
    for size, error in zip((0, negative), seen["sizes"], strict=True):
        must.equal(error, "ValueError", what=f"max_concurrent={size}")
    wanted = {
        "timeout=0": "ValueError",
        "a negative timeout": "ValueError",
        "fn=None": "TypeError",
        "a coroutine as fn": "TypeError",
        "submit during shutdown()": "RuntimeError",
        "submit after shutdown()": "RuntimeError",
    }
    for how, error in wanted.items():
        must.equal(seen["refused"].get(how), error, what=how)
    early = seen["called before the start"]
    must.hold(
        early == [],
        f"{len(early)} of 3 waiting tasks had their fn called before they started.",
    )
    must.equal(
        seen["kept"],
        [["done", values[0]], ["done", values[2]]],
        what="what became of tasks that were submitted before shutdown()",
    )
    must.equal(seen["counted"], 4, what="tasks in stats() (refused ones do not count)")
    must.be_silent(run)


@check("C8")
def test_leaving_the_block_leaves_nothing_running(submission, draw):
    """`async with` waits for its tasks, or cancels and awaits them on an exception."""
    values = draw.sample(range(1000), 5)
    _block_that_ends(submission, values)
    _block_that_raises(submission, f"mishap {draw.randrange(1000)}")
    _shutdown(submission, values)


def _block_that_ends(submission, values):
    run = submission.virtual("block_that_ends", values=values)
    seen = run.value
    unfinished = [status for status in seen["statuses"] if status != "done"]
    must.hold(
        not unfinished,
        f"After async with, {len(unfinished)} of 5 tasks were not done but"
        f" {', '.join(sorted(set(unfinished)))}.",
    )
    must.equal(
        seen["endings"], [["done", v] for v in values], what="results after async with"
    )
    must.equal(seen["late"], "RuntimeError", what="submit after async with")
    must.leave_no_task(run, after="async with")


def _block_that_raises(submission, text):
    run = submission.virtual("block_that_raises", text=text, story="raises")
    seen = run.value
    how = "after async with was left by an exception"
    must.hold(seen["same"], f"The body raised Mishap({text!r}); it did not come out.")
    must.equal(seen["statuses"], ["cancelled"] * 4, what=f"statuses {how}")
    _must_have_cleaned_up(submission, "raises", "async with, left by an exception")
    unanswered = seen["endings"].count(None)
    must.hold(
        not unanswered,
        f"{unanswered} of 4 coroutines that awaited result() still waited {how}.",
    )
    must.equal(seen["endings"], [CANCELLED] * 4, what=f"result() {how}")
    must.leave_no_task(run, after="async with was left by an exception")


def _shutdown(submission, values):
    run = submission.virtual("two_shutdowns", values=values, story="shutdown")
    seen = run.value
    must.equal(seen["finished"], ["done"] * 5, what="statuses after shutdown()")
    how = "after shutdown(cancel=True)"
    must.equal(seen["called off"], ["cancelled"] * 4, what=f"statuses {how}")
    endings = [*(["done", value] for value in values), *[CANCELLED] * 4]
    must.equal(seen["endings"], endings, what="result() after the shutdowns")
    _must_have_cleaned_up(submission, "shutdown", "shutdown(cancel=True)")
    how = "shutdown(cancel=True) during a shutdown()"
    must.equal(seen["second thoughts"], ["cancelled"] * 4, what=f"statuses after {how}")
    _must_have_cleaned_up(submission, "shutdown, then cancel", how)
    must.leave_no_task(run, after="shutdown()")


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
