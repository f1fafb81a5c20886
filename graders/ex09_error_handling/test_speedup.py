"""Speedup: slots are never idle while jobs wait, and one slow job delays no other.

Seconds of coroutines are virtual and exact. Threads overlap by meetings on the stage;
their times are told by the supervisor's clock, with generous bounds.
"""

import heapq

from racecourse.checks import check, must

_READY_WITHIN_S = 5.0
ROUNDING_S = 0.001
TOLERANCE_S = 0.3


@check("S1")
def test_a_slot_is_never_idle_while_a_job_waits(submission, draw):
    """Jobs take the time that their number and the limit make necessary, no more."""
    limit = 4
    short = draw.choice((1.0, 2.0))
    for name, durations in (
        ("even", [1.0] * 12),
        ("uneven", [5 * short, short, short, short] * 3),
    ):
        seen = submission.virtual(
            "makespan", limit=limit, durations=durations, name=name
        ).value
        must.equal(seen["values"], list(range(12)), what="values of 12 jobs")
        each = "1" if name == "even" else ", ".join(f"{d:g}" for d in durations)
        jobs = f"12 jobs of {each} s with limit={limit}"
        peak = submission.stage.peak(name)
        must.equal(peak, limit, what=f"{jobs}: most at once")
        # Which job goes first is no matter of speed: the order is taken as it was.
        starts = submission.stage.log(name, "enter")
        in_order = [durations[event.data["job"]] for event in starts]
        possible_s = _list_schedule_s(in_order, limit)
        must.hold(
            possible_s - ROUNDING_S <= seen["seconds"] <= possible_s + TOLERANCE_S,
            f"{jobs} took {seen['seconds']:.1f} s; {possible_s:.1f} s is possible.",
        )


def _list_schedule_s(durations, slots):
    """When the last job ends if each goes to the slot that is free first."""
    free_at = [0.0] * slots
    for duration in durations:
        heapq.heappush(free_at, heapq.heappop(free_at) + duration)
    return max(free_at)


@check("S2")
def test_threads_run_side_by_side(submission, draw):
    """As many jobs as there are workers meet, three times; none waits for a batch."""
    workers = draw.randrange(3, 6)
    met = submission.call("meeting", workers=workers, times=3)
    alone = met.count(False)
    must.hold(
        not alone,
        f"{alone} of {len(met)} jobs did not meet {workers - 1} others, with"
        f" workers={workers}.",
    )
    must.equal(met, [True] * (3 * workers), what="values of the jobs that met")
    met = submission.call("first_and_last", workers=2, between=4)
    must.hold(
        met[0] is True and met[-1] is True,
        "Six jobs ran on 2 workers. The first one takes until the last one has begun; it"
        " waited in vain, though there was a worker for the others.",
    )


@check("S3")
def test_one_slow_job_delays_no_other(submission, draw):
    """Each job is stopped when its own time is up, whatever the first one is doing."""
    count, timeout, tidy_s = 8, draw.choice((2.0, 3.0)), 20.0
    seen = submission.virtual(
        "one_slow_to_stop", count=count, timeout=timeout, tidy_s=tidy_s
    ).value
    how = f"With timeout={timeout:g}, {count} jobs ran out of time, one of which took 20 s to stop"
    must.equal(seen["statuses"], ["timeout"] * count, what=f"{how}: statuses")
    last_s = max(s if isinstance(s, float) else 1e9 for s in seen["stopped_s"])
    must.hold(
        last_s <= timeout + TOLERANCE_S,
        f"{how}; the last of them was stopped only after {last_s:.1f} s.",
    )
    must.be_within(
        seen["took_s"],
        timeout + tidy_s - ROUNDING_S,
        timeout + tidy_s + TOLERANCE_S,
        what=f"{how}: seconds until run_all() returned",
    )
    with submission.fresh(virtual_time=False) as real:
        _one_stuck_thread(real)


def _one_stuck_thread(submission):
    pending = submission.begin("one_stuck_thread", count=12, timeout=0.4)
    stage = submission.stage
    stage.until(lambda s: s.count("returned"), within_s=_READY_WITHIN_S)
    stage.open("go")
    seen = pending.result()
    must.equal(seen["statuses"], ["timeout"] * 13, what="statuses of 13 threads")
    must.equal(len(seen["told_s"]), 12, what="jobs, of 12, that were told to stop")
    last_s = max(seen["told_s"])
    must.hold(
        last_s < 3,  # one after the other they would take 4.8 s and more
        "13 threads ran with timeout=0.4, and one of them ignored its token; another was"
        f" told to stop {last_s:.1f} s after it had begun.",
    )
