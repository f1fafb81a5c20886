"""Correctness: how each job ended, what is kept of its error, and when others are stopped.

Coroutines run in virtual time, threads in real time. Values and texts are drawn for
every run.
"""

import contextlib

from racecourse.checks import Hung, check, must

READY_WITHIN_S = 8.0
ROUNDING_S = 0.001
TOLERANCE_S = 0.3


def row(name, status, value=None, attempts=1, error=None):
    """How one job should have ended."""
    return [name, status, value, attempts, error]


def must_have_ended(seen, wanted, *, how):
    """Demand these outcomes, in this order, and name the first job that differs."""
    names = [name for name, *_ in seen]
    must.equal(names, [name for name, *_ in wanted], what=f"{how}: jobs, in order")
    for (name, *got), (_, *due) in zip(seen, wanted, strict=True):
        if got != due:
            must.fail(
                f"{how}: job {name!r} ended {_words(*got)}; expected {_words(*due)}."
            )


def _words(status, value, attempts, error):
    tries = f"{attempts} attempt{'s' * (attempts != 1)}"
    return f"{status!r}, value {value!r}, error {error!r}, after {tries}"


@check("C1")
def test_five_ways_to_end_are_told_apart(submission, draw):
    """Eleven jobs end in five ways; each outcome says which, in the jobs' order."""
    value, text = draw.randrange(1000), f"fog {draw.randrange(1000)}"
    wanted = [
        row("a value", "ok", value),
        row("None", "ok"),
        row("a future", "ok", value),
        row("an error", "error", error=f"Mishap: {text}"),
        row("an error at the call", "error", error=f"Mishap: {text}"),
        row("a TimeoutError of its own", "error", error=f"TimeoutError: {text}"),
        row("a timeout of its own", "error", error="TimeoutError"),
        row("too slow", "timeout"),
        row("too slow, and tidy", "timeout"),
        row("CancelledError", "cancelled"),
        row("a cancelled task", "cancelled"),
    ]
    for timeout in (2, None):
        draw.shuffle(wanted)
        due = [each for each in wanted if timeout or each[1] != "timeout"]
        kinds = [name for name, *_ in due]
        run = submission.virtual(
            "endings", kinds=kinds, value=value, text=text, timeout=timeout
        )
        must_have_ended(run.value, due, how=f"With timeout={timeout}")
        must.leave_no_task(run, after="run_all()")
    in_line = submission.virtual("in_line", count=3, seconds=1.5, timeout=2).value
    must_have_ended(
        in_line,
        [row(f"job {number}", "ok", number) for number in range(3)],
        how="With limit=1, timeout=2 for an attempt, from its start, and jobs of 1.5 s",
    )


@check("C2")
def test_what_may_heal_is_tried_again(submission, draw):
    """Only errors in retry_on and own timeouts are, after pauses that double."""
    value, text = draw.randrange(1000), f"static {draw.randrange(1000)}"
    retries, backoff = draw.choice((3, 4)), draw.choice((0.5, 1.0))
    seen = submission.virtual(
        "retries", value=value, text=text, retries=retries, backoff=backoff
    ).value
    every = retries + 1
    never = row("never heals", "error", None, every, f"Hiccup: {text} {every}")
    wanted = [
        row("heals", "ok", value, 3),
        never,
        ["is watched", *never[1:]],
        row("times out by itself", "error", None, every, f"TimeoutError: {text}"),
        row("is always too slow", "timeout", None, every),
        row("is too slow once", "ok", value, 2),
        row("is too slow, then wrong", "error", None, 2, f"Mishap: {text} 2"),
        row("is wrong", "error", None, 1, f"Mishap: {text} 1"),
        row("cancels itself", "cancelled"),
    ]
    how = f"With retries={retries}"
    must_have_ended(seen["rows"], wanted, how=how)
    _must_be_spaced(seen["times"], backoff)
    _retries_of_a_kind(submission, text)


def _must_be_spaced(times, backoff):
    for number in range(1, len(times)):
        pause_s, due_s = (
            times[number][0] - times[number - 1][1],
            backoff * 2 ** (number - 1),
        )
        must.hold(
            due_s - ROUNDING_S <= pause_s <= 4 * due_s + TOLERANCE_S,
            f"With backoff={backoff:g}, retry {number} came {pause_s:.2f} s after the"
            f" attempt before it; it must wait {due_s:g} s, and not very much longer.",
        )


def _retries_of_a_kind(submission, text):
    some, none = submission.virtual("retries_of_a_kind", text=text).value
    wanted = [
        row("asked for", "error", None, 2, f"KeyError: {text!r}"),
        row("not asked for", "error", None, 1, f"Hiccup: {text}"),
        row("too slow", "timeout", None, 2),
    ]
    must_have_ended(some, wanted, how="With retries=1 and retry_on=(KeyError,)")
    once = [[name, status, value, 1, error] for name, status, value, _, error in wanted]
    must_have_ended(none, once, how="Without retries")


@check("C3")
def test_the_deadline_holds_for_the_whole_call(submission, draw):
    """What runs at the deadline is a timeout; what has not started is cancelled."""
    deadline, tidy_s = draw.choice((2.5, 2.6, 2.7)), draw.choice((0.2, 0.3))
    for clean_up_s in (0.0, tidy_s):
        seen = submission.virtual(
            "deadline",
            seconds=[1, 50, 1, 50, 1, 1],
            deadline=deadline,
            limit=2,
            tidy_s=clean_up_s,
        ).value
        wanted = [
            row("job 0", "ok", 0),
            row("job 1", "timeout"),
            row("job 2", "ok", 2),
            row("job 3", "timeout"),
            row("job 4", "cancelled", attempts=0),
            row("job 5", "cancelled", attempts=0),
        ]
        how = f"With deadline={deadline:g} and limit=2"
        must_have_ended(seen["rows"], wanted, how=how)
        _must_take(seen["took_s"], deadline + clean_up_s, how)
        must.equal(seen["cleaned"], [1, 3], what=f"{how}: jobs that had cleaned up")
    early = submission.virtual(
        "deadline", seconds=[1, 1], deadline=50, limit=2, tidy_s=0
    ).value
    how = "With deadline=50 and two jobs of 1 s"
    must_have_ended(
        early["rows"], [row("job 0", "ok", 0), row("job 1", "ok", 1)], how=how
    )
    _must_take(early["took_s"], 1, how)
    between = submission.virtual("deadline_between_attempts", deadline=deadline).value
    how = "With a deadline that comes while a job waits for its next attempt"
    must_have_ended(between["rows"], [row("job", "timeout")], how=how)
    _must_take(between["took_s"], deadline, how)


def _must_take(took_s, due_s, how):
    must.be_within(
        took_s,
        due_s - ROUNDING_S,
        due_s + TOLERANCE_S,
        what=f"{how}: seconds until run_all() returned",
    )


@check("C4")
def test_fail_fast_raises_all_real_errors_and_nothing_else(submission, draw):
    """Two failures in the same tick both come out, and no CancelledError with them."""
    texts = [f"hail {number}" for number in draw.sample(range(1000), 2)]
    seen = submission.virtual("failing_fast", texts=texts).value
    how = "With fail_fast=True"
    must.hold(
        seen["raised"] is not None,
        f"{how}, two jobs failed at the same moment; no ExceptionGroup came out.",
    )
    wanted = sorted(f"Mishap: {text}" for text in texts)
    must.equal(seen["raised"], wanted, what=f"{how}: exceptions in the group")
    must.hold(seen["only errors"], f"{how}: the group is no ExceptionGroup.")
    must.equal(
        seen["same"], 2, what=f"{how}: exceptions that are the jobs' own objects"
    )
    _must_take(seen["took_s"], 1, f"{how}, with two errors after 1 s")
    _must_not_fail_at_all(submission, draw.randrange(1000))
    with submission.fresh(virtual_time=False) as real:
        raised = real.call("threads_failing_fast", text=texts[0])
        must.hold(
            raised is not None,
            f"{how}, a thread's job raised; no ExceptionGroup came out.",
        )
        must.equal(
            raised,
            [[f"Mishap: {texts[0]}"], True],
            what=f"{how}: exceptions of threads in the group, and whether it is the same",
        )


def _must_not_fail_at_all(submission, value):
    seen = submission.virtual("nothing_final", value=value).value
    wanted = [
        row("heals", "ok", value, 2),
        row("too slow", "timeout", None, 2),
        row("cancels itself", "cancelled"),
        row("works", "ok", value),
    ]
    how = "With fail_fast=True and no final error"
    must.hold(
        "raised" not in seen,
        f"{how} the call raised all the same: {seen.get('raised')}. A timeout, a job's own"
        " CancelledError and an error that will be tried again do not end it.",
    )
    must_have_ended(seen["rows"], wanted, how=how)


@check("C5")
def test_threads_are_told_and_not_waited_for_in_vain(submission, draw):
    """Jobs in threads end in every way; ten that hear nothing delay nobody."""
    value, text = draw.randrange(1000), f"ice {draw.randrange(1000)}"
    wanted = [
        row("a value", "ok", value),
        row("None", "ok"),
        row("an error", "error", error=f"Mishap: {text}"),
        row("a TimeoutError of its own", "error", error=f"TimeoutError: {text}"),
        row("too slow", "timeout"),
        row("too slow, with a value", "timeout"),
        row("too slow, looking", "timeout"),
    ]
    draw.shuffle(wanted)
    kinds, stuck = [name for name, *_ in wanted], 10
    with submission.fresh() as line, submission.fresh() as end:
        in_line = line.begin("next_in_line", value=value, timeout=0.3)
        at_the_end = end.begin("thread_deadline", deadline=0.3)
        pending = submission.begin(
            "thread_endings",
            kinds=kinds,
            value=value,
            text=text,
            timeout=0.6,
            stuck=stuck,
        )
        how = f"{stuck} threads ignored their token, with timeout=0.6"
        _must_return(submission, pending, how)
        seen = pending.result()
        _must_have_been_told(submission, seen, how)
        wanted += [row(f"stuck {number}", "timeout") for number in range(stuck)]
        must_have_ended(seen["rows"], wanted, how="Threads with timeout=0.6")
        how = "With workers=1, a thread ignored its token and another job waited"
        _must_return(line, in_line, how)
        wanted = [row("stuck", "timeout"), row("next", "ok", value)]
        must_have_ended(in_line.result(), wanted, how=how)
        wanted = [row("runs", "timeout"), row("waits", "cancelled", attempts=0)]
        how = "Threads with deadline=0.3 and workers=1"
        must_have_ended(at_the_end.result(), wanted, how=how)


def _must_return(submission, pending, how):
    """Demand that the call returned while the threads were still stuck; let them go."""
    stage, within_s = submission.stage, READY_WITHIN_S / 2
    in_time = stage.until(lambda s: s.count("returned"), within_s=within_s)
    stacks = () if in_time else submission.worker.dump_stacks()
    stage.open("go")
    if not in_time:
        with contextlib.suppress(Hung):  # if it raised instead, that says more
            pending.result(within_s=0.2)
    must.hold(
        in_time,
        f"{how}; the call had not returned {within_s:g} s later.",
        stacks=stacks,
    )


def _must_have_been_told(submission, seen, how):
    """Demand that those who listen were told to stop, and that it was in time."""
    must.hold(
        seen["same"], "The error of a thread's job is a copy, not what it raised."
    )
    must.equal(
        seen["heard"],
        [True] * 3,
        what="what its token had told each of three jobs that listen to it",
    )
    called, returned = submission.stage.log(kind="note")[:2]
    took_s = (returned.at_ns - called.at_ns) / 1e9
    must.hold(
        took_s < 4,  # one after the other they would take 6 s and more
        f"{how}; the call took {took_s:.1f} s instead of about 1.1 s.",
    )


@check("C6")
def test_errors_are_kept_whole(submission, draw):
    """The exception itself is there, with its traceback and its cause; nothing is noisy."""
    text = f"gust {draw.randrange(1000)}"
    run = submission.virtual("kept_errors", text=text)
    seen = run.value
    must.equal(len(seen), 2, what="calls that told of an error, one by ExceptionGroup")
    with submission.fresh(virtual_time=False) as real:
        seen = [*seen, real.call("kept_errors_of_threads", text=text)]
    names = ("error of a coroutine", "error in the group", "error of a thread")
    for name, (kind, words, cause, there) in zip(names, seen, strict=True):
        must.equal([kind, words], ["Mishap", text], what=name)
        must.equal(cause, "KeyError", what=f"{name}: its __cause__")
        must.hold(there, f"{name}: its traceback does not lead to where it was raised.")
    must.be_silent(run)


@check("C7")
def test_edges(submission, draw):
    """Arguments that make no sense are a ValueError; no jobs give no outcomes."""
    negative = -draw.randrange(1, 10)
    times = [{"timeout": 0}, {"timeout": negative}, {"deadline": 0}]
    times.append({"deadline": negative / 10})
    wrong = [{"limit": 0}, {"limit": negative}, *times, {"retries": negative}]
    for_threads = [{"workers": 0}, {"workers": negative}, *times]
    run = submission.virtual("edges", wrong=wrong, wrong_for_threads=for_threads)
    calls = (
        ("run_all", "coroutines", wrong),
        ("run_all_threads", "threads", for_threads),
    )
    for call, key, cases in calls:
        for case, answer in zip(cases, run.value[key], strict=True):
            ((name, value),) = case.items()
            must.equal(answer, "ValueError", what=f"{call}({name}={value})")
    started = submission.stage.count("started all the same")
    must.equal(started, 0, what="jobs started by calls that were refused")
    must.equal(run.value["empty"], [True] * 4, what="whether no jobs give {}")
