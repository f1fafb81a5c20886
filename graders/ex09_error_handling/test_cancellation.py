"""Cancellation: whatever stops a call, its jobs are stopped, awaited, and not orphaned.

The order of stops, clean-ups and ends is the order in which they reached the stage.
"""

import sys

from racecourse.checks import check, must

_READY_WITHIN_S = 5.0
TICKS = 21
# There, wait_for swallows a cancellation that comes with its result (cpython #86296).
# One wait_for in another passes a result on over several ticks.
RESULT_BEATS_CANCEL = sys.version_info < (3, 12)


def must_clean_up(submission, story, how, *, at_least):
    """Demand that all that started cleaned up before the end, and nothing started late."""
    events = [event.data["what"] for event in submission.stage.log(story)]
    over = events.index("over")
    started = events[:over].count("started")
    cleaned = events[:over].count("cleaned up")
    must.hold(
        cleaned == started,
        f"{how}: {cleaned} of {started} running jobs had finished their clean-up when"
        " it was over.",
    )
    must.hold(started >= at_least, f"{how}: only {started} jobs had been started.")
    stopping = events.index("stopped") if "stopped" in events else over
    late = events[stopping:].count("started")
    must.hold(not late, f"{how}: {late} jobs were started afterwards.")


@check("X1")
def test_a_cancelled_call_cancels_and_awaits_its_jobs(submission):
    """All clean-up is finished before CancelledError comes out, however often it comes."""
    stories = (
        ("once", [1.0], {}),
        ("again during the clean-up", [1.0, 1.25], {}),
        ("three times", [1.0, 1.1, 1.3], {"fail_fast": True}),
        ("with timeout and deadline", [1.0], {"timeout": 30, "deadline": 40}),
        ("in the clean-up of its deadline", [1.25], {"deadline": 1}),
    )
    for story, moments_s, options in stories:
        run = submission.virtual(
            "called_off", moments_s=moments_s, options=options, story=story
        )
        seen, how = run.value, f"run_all(), cancelled {story}"
        must.hold(seen["over"], f"{how}, had not ended 48 s later.")
        must.hold(seen["cancelled"], f"{how}: no CancelledError came out.")
        must_clean_up(submission, story, how, at_least=2)
        must.leave_no_task(run, after=how)


@check("X2")
def test_a_cancel_at_any_tick_is_obeyed(submission):
    """At each of 21 ticks CancelledError comes out, and no job runs on."""
    stories = (
        ("", False, {}),
        (" with timeout and deadline", False, {"timeout": 50, "deadline": 80}),
        (" with retries", True, {"retries": 2, "backoff": 0.01}),
    )
    for story, fails, options in stories:
        ticks = submission.virtual(
            "cancel_at_each_tick", ticks=TICKS, fails=fails, options=options
        ).value
        must.equal(len(ticks), TICKS, what="ticks")
        cancelled = 0
        forgiven = RESULT_BEATS_CANCEL and any(seen["uses wait_for"] for seen in ticks)
        for tick, seen in enumerate(ticks):
            if not seen["due"] or (forgiven and seen["ready"]):
                continue
            cancelled += 1
            _must_obey(f"run_all(){story}, cancelled at tick {tick}", seen)
        must.hold(cancelled >= 3, f"run_all(){story} was over after {cancelled} ticks.")


def _must_obey(how, seen):
    must.hold(
        seen["how"] == "CancelledError",
        f"{how}, {seen['how']}; expected CancelledError."
        if seen["how"] in {"returned", "went on"}
        else f"{how}: {seen['how']} came out instead of CancelledError.",
    )
    must.hold(
        seen["ended"] == seen["begun"],
        f"{how}: {seen['ended']} of {seen['begun']} attempts had ended when it was over.",
    )
    must.hold(
        not seen["left"] and not seen["begun later"],
        f"{how}: {seen['left']} asyncio tasks were left, and {seen['begun later']}"
        " attempts began afterwards.",
    )


@check("X3")
def test_a_failure_stops_the_others_and_waits_for_them(submission):
    """With fail_fast no sibling runs on: neither coroutines nor threads."""
    run = submission.virtual("failing_among_others", story="coroutines")
    how = "run_all(fail_fast=True), in which a job failed"
    must.equal(run.value, ["Mishap"], what=f"{how}: exceptions in the group")
    must_clean_up(submission, "coroutines", how, at_least=3)
    must.leave_no_task(run, after=how)
    with submission.fresh(virtual_time=False) as real, real.leaving_nothing():
        seen = real.call("thread_failing_among_others")
        how = "run_all_threads(fail_fast=True), in which a job failed"
        must.equal(seen["raised"], ["Mishap"], what=f"{how}: exceptions in the group")
        cleaned = len(seen["steps"])
        must.hold(
            cleaned == 2,
            f"{how}: {cleaned} of 2 other threads had finished their clean-up of 0.02 s"
            " when it was over.",
        )


@check("X4")
def test_the_callers_own_timeout_works(submission, draw):
    """asyncio.timeout and wait_for around run_all() end it, and it can be called again."""
    value = draw.randrange(1000)
    for with_wait_for in (False, True):
        for options in ({}, {"timeout": 40, "deadline": 50}):
            name = "asyncio.wait_for" if with_wait_for else "asyncio.timeout"
            story = f"{name} around run_all({', '.join(options)})"
            run = submission.virtual(
                "caller_gives_up",
                with_wait_for=with_wait_for,
                options=options,
                value=value,
                story=story,
            )
            seen = run.value
            must.equal(seen["how"], "TimeoutError", what=f"{story}: what came out")
            must_clean_up(submission, story, story, at_least=3)
            again = [["one", "ok", value, 1, None], ["two", "ok", None, 1, None]]
            must.equal(seen["again"], again, what=f"{story}: the next call")
            must.leave_no_task(run, after=story)
    seen = submission.virtual("caller_is_patient", value=value).value
    wanted = [["quick", "ok", value, 1, None], ["slow", "timeout", None, 1, None]]
    how = "run_all(deadline=2) inside asyncio.timeout(5)"
    must.equal(seen["rows"], wanted, what=how)
    must.equal(
        seen["how"],
        "TimeoutError",
        what=f"{how}, and then a long sleep: what came out of asyncio.timeout",
    )


@check("X5")
def test_a_token_stops_threads_and_ctrl_c_goes_on(submission, draw):
    """The caller's token stops all jobs; KeyboardInterrupt in a job is raised again."""
    with submission.leaving_nothing():
        _stopped_by_token(submission, draw.randrange(1000))
    kinds = ["KeyboardInterrupt", "SystemExit"]
    with submission.leaving_nothing():
        seen = submission.call("no_exception", kinds=kinds)
    for kind, answers in zip(kinds, seen, strict=True):
        for how, (raised, stopped) in zip(
            ("a thread", "a coroutine"), answers, strict=True
        ):
            must.equal(raised, kind, what=f"{kind} was raised in {how}; what came out")
            must.equal(
                stopped,
                2,
                what=f"{kind} was raised in {how}; other jobs, of 2, that were stopped",
            )


def _stopped_by_token(submission, value):
    pending = submission.begin("stopped_by_token", value=value)
    stage = submission.stage
    began = stage.until(lambda s: s.count("began") >= 3, within_s=_READY_WITHIN_S)
    must.hold(
        began, "Of 5 jobs on 3 workers only {} began.".format(stage.count("began"))
    )
    stage.open("stop")
    seen = pending.result()
    must.equal(stage.count("began"), 3, what="jobs, of 5 on 3 workers, that ever began")
    took_s = (stage.log("returned")[0].at_ns - stage.log("set")[0].at_ns) / 1e9
    must.hold(
        took_s <= 2,
        f"The call returned {took_s:.1f} s after the caller's token had been set.",
    )
    never = [
        ["waits", "cancelled", None, 0, None],
        ["waits too", "cancelled", None, 0, None],
    ]
    wanted = [
        [name, "cancelled", None, 1, None] for name in ("obeys", "returns", "looks")
    ]
    must.equal(
        seen["rows"],
        [*wanted, *never],
        what="outcomes when the caller's token had been set (name, status, value,"
        " attempts, error)",
    )
    unborn = [[name, "cancelled", None, 0, None] for name in ("one", "two")]
    must.equal(
        seen["again"], unborn, what="outcomes of a call whose token was set before"
    )
    must.equal(stage.count("began late"), 0, what="jobs that began in that call")
