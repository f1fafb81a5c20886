"""Races: limits hold, outcomes are whole, and no thread waits for a token in vain.

Coroutines report to the stage, in virtual time. The scenarios about threads run once for
every place in the submission at which a thread can be held; small programs are explored
by the engine.
"""

import itertools

from racecourse.checks import check, must

_READY_WITHIN_S = 5.0
_STALLS = {"limit": 32, "visits": (1, 2, 3), "hold_s": 0.008}
_RUNS = 160


@check("R1")
def test_the_limit_holds_on_every_path(submission, draw):
    """Forty-two jobs succeed, fail, time out, heal and cancel themselves; the limit holds."""
    limit, retries = draw.randrange(3, 6), 2
    kinds = ["ok", "error", "timeout", "heals", "never", "cancel"] * 7
    draw.shuffle(kinds)
    jobs = [
        [kind, draw.randrange(3, 9) / 10, draw.choice((0.0, 0.35, 0.65))]
        for kind in kinds
    ]
    seen = submission.virtual(
        "crowd", kinds=jobs, limit=limit, retries=retries, timeout=2
    ).value
    peak = submission.stage.peak("attempt")
    must.hold(
        peak <= limit,
        f"{peak} attempts ran at once, clean-up included; the limit was {limit}.",
    )
    must.equal(peak, limit, what=f"most attempts at once with limit={limit}")
    statuses = [status for _, status, *_ in seen]
    must.equal(len(statuses), len(kinds), what="outcomes of 42 jobs")
    due = {"heals": "ok", "never": "error", "cancel": "cancelled"}
    wanted = [due.get(kind, kind) for kind in kinds]
    for number, (got, ending) in enumerate(zip(statuses, wanted, strict=True)):
        must.equal(got, ending, what=f"status of job {number}, kind {kinds[number]!r}")


@check("R2")
def test_each_job_has_one_outcome_and_its_own(submission, draw):
    """Wherever a thread is held, no outcome is lost, mixed up, or written twice."""
    exploring = submission.exploring("crowd", "close_finish", runs=_RUNS)
    with exploring, submission.fresh() as other:
        value = draw.randrange(1000)
        pending = other.begin("late_finish", value=value, timeout=0.3)
        _wherever_a_thread_is_held(submission, draw)
        _must_stay_as_it_was(other, pending, value)


def _wherever_a_thread_is_held(submission, draw):
    """In two workers that take turns: most of a run is waiting."""
    values, bad = draw.sample(range(1000), 6), sorted(draw.sample(range(6), 2))
    with submission.fresh() as other:
        streams = _crowds(submission, values, bad), _close_finishes(other, values)
        for _ in itertools.zip_longest(*streams):
            pass


def _crowds(submission, values, bad):
    args = {"values": values, "bad": bad, "workers": 2}
    for stalled in submission.stalls("thread_crowd", **_STALLS, name="plan", **args):
        pending = stalled.begin(name=stalled.token, **args)
        yield
        with stalled.told():
            seen = pending.result(within_s=stalled.within_s)
            _must_be_their_own(seen, values, bad)
            _must_run_once(submission.stage, stalled.token, workers=2)


def _close_finishes(submission, values):
    args = {"values": values, "timeout": 0.012}
    stalls = submission.stalls("close_finish", limit=28, hold_s=0.018, **args)
    for stalled in stalls:
        pending = stalled.begin(**args)
        yield
        with stalled.told():
            seen = pending.result(within_s=stalled.within_s)
            _must_be_consistent(seen, values)


def _must_be_their_own(seen, values, bad):
    wanted = [
        [f"job {number}", "error", None, 1, f"Mishap: {value}"]
        if number in bad
        else [f"job {number}", "ok", value, 1, None]
        for number, value in enumerate(values)
    ]
    must.equal(len(seen), len(wanted), what="outcomes of 6 jobs on 2 workers")
    for got, due in zip(seen, wanted, strict=True):
        must.equal(got, due, what="name, status, value, attempts, error of a job")


def _must_run_once(stage, name, *, workers):
    started = [event.data["job"] for event in stage.log(name, "enter")]
    must.have_same_items(started, list(range(6)), what="jobs that were started")
    must.hold(
        stage.peak(name) <= workers,
        f"{stage.peak(name)} jobs ran at once with workers={workers}.",
    )


def _must_be_consistent(seen, values):
    must.equal(len(seen), len(values), what="outcomes of jobs that run out of time")
    for (_, status, value, attempts, error), own in zip(seen, values, strict=True):
        must.equal(
            [attempts, error], [1, None], what="attempts and error of such a job"
        )
        must.hold(
            status in {"ok", "timeout"},
            f"A job that ended when its time was about up has status {status!r}.",
        )
        if status == "timeout":
            must.equal(value, None, what="value of a job that ran out of time")
            continue
        must.hold(
            value != [own, True],
            "A job's token had been set before it returned, because its time was up;"
            " its status is 'ok'.",
        )
        must.equal(value, [own, False], what="value of a job that was in time")


def _must_stay_as_it_was(submission, pending, value):
    stage = submission.stage
    stage.until(lambda s: s.count("returned"), within_s=_READY_WITHIN_S)
    stage.open("go")
    before, after = pending.result()
    wanted = [["stuck", "timeout", None, 1, None], ["quick", "ok", value, 1, None]]
    must.equal(before, wanted, what="outcomes of a stuck job and a quick one")
    must.equal(after, before, what="the same outcomes, when the stuck job had ended")


@check("R3")
def test_no_thread_waits_for_a_token_in_vain(submission):
    """Several threads set a token at once; all who wait are woken, and sleep till then."""
    with submission.exploring("token", "called_off", runs=_RUNS):
        with submission.fresh() as other:
            asleep = other.begin("sleepers", count=3, seconds=0.8)
            _must_work_alone(submission)
            _must_wake_all(submission)
            # The least of three, and half of what looking every 0.1 s would need.
            woke = min(asleep.result())
        must.hold(
            woke <= 5,
            f"A thread waited 0.8 s for a token, and woke up {woke} times meanwhile.",
        )


def _must_work_alone(submission):
    seen = submission.call("one_token", wait_s=0.05)
    must.equal(
        seen["before"],
        [False, "went on", False],
        what="cancelled, raise_if_cancelled() and wait(0.05) of a new token",
    )
    must.hold(
        seen["waited_s"] >= 0.049,
        f"wait(0.05) gave up after {seen['waited_s']:.3f} s.",
    )
    must.equal(
        seen["after"],
        [True, "JobCancelled", True, True],
        what="cancelled, raise_if_cancelled(), wait(0.05) and wait() of a set token",
    )


def _must_wake_all(submission):
    args = {"waiters": 3, "cancellers": 2}
    stalls = submission.stalls("token_crowd", limit=30, visits=(1, 2, 3), **args)
    for stalled in stalls:
        with stalled.told():
            heard, cancelled, stops = stalled.call(**args)
            must.equal(
                heard,
                [True] * 3,
                what="wait() in 3 threads, 2 s after the token was set",
            )
            must.equal([cancelled, stops], [True, "JobCancelled"], what="the token")
