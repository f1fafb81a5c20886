"""Races: too many workers, a stranded task, a task too late, a picture that is wrong.

Each scenario runs once for every place in the submission at which a thread can be held:
between a read and the write that follows, or between a test and what it decides. The
scenarios see that a thread is held and act just then.
"""

from racecourse.checks import check, must, told_with_stall

_SCHEDULES = 56
_STALLED_WITHIN_S = 4.0  # a stall itself lasts milliseconds


@check("R1")
def test_never_more_workers_than_allowed(submission):
    """Eight threads submit at once to a pool of at most two workers."""

    def judge(seen, token):
        values, peak = seen
        inside = submission.stage.peak(token)
        must.hold(
            inside <= 2,
            f"{inside} tasks ran at once in a pool with max_workers=2, to which 8"
            " threads had submitted.",
        )
        must.be_within(peak, 1, 2, what="peak_workers in a pool with max_workers=2")
        must.equal(values, list(range(8)), what="values of the tasks")

    _try_each_stall(submission, judge, "crowd", submitters=8, max_workers=2)


@check("R2")
def test_no_task_is_stranded_by_a_retiring_worker(submission):
    """Tasks come one by one, about when the last worker retires."""

    def judge(seen, _):
        must.hold(
            seen["stranded"] is None,
            "A task came when a worker was about to retire, and had not run 1.5 s"
            " later: it was stranded.",
        )

    _try_each_stall(submission, judge, "sporadic", tasks=3, idle_timeout=0.004)


@check("R3")
def test_a_submit_that_meets_a_shutdown_is_refused_or_done(submission):
    """One thread submits while another shuts the pool down."""

    def judge(seen, _):
        must.hold(
            not seen["late"],
            f"shutdown() had returned, and then {_tasks(seen['late'])} began to run.",
        )
        must.hold(
            not seen["unfinished"],
            f"shutdown() returned, and {_tasks(seen['unfinished'])} that submit() had"
            " accepted had not ended.",
        )

    _try_each_stall(submission, judge, "closing", tasks=4)


def _tasks(count):
    return f"{count} task{'s' * (count > 1)}"


@check("R4")
def test_every_picture_adds_up(submission):
    """stats() is asked again and again while six tasks come and go."""

    def judge(pictures, _):
        for due, stats in pictures:
            _must_add_up(due, stats, max_workers=2)
        last = pictures[-1][1]
        ended = [last[name] for name in ("completed", "failed", "cancelled", "queued")]
        must.equal(
            ended, [4, 2, 0, 0], what="completed, failed, cancelled, queued at the end"
        )

    _try_each_stall(submission, judge, "pictures", tasks=6, max_workers=2)


def _must_add_up(due, stats, *, max_workers):
    idle, workers = stats["idle"], stats["workers"]
    must.hold(
        0 <= idle <= workers <= max_workers,
        f"0 <= idle <= workers <= {max_workers} must hold; stats() gave idle={idle} and"
        f" workers={workers}.",
    )
    ended = stats["completed"] + stats["failed"] + stats["cancelled"]
    covered = ended + stats["queued"] + workers - idle
    must.hold(
        covered >= due,
        f"{due} tasks had been accepted; completed + failed + cancelled + queued +"
        f" (workers - idle) was {ended} + {stats['queued']} + ({workers} - {idle}) ="
        f" {covered}.",
    )


def _try_each_stall(submission, judge, race, **args):
    """Run the race once for each stall, the most suspicious places first."""
    stalls = submission.call("stalls_to_try", race=race, limit=_SCHEDULES, **args)
    for token, place in stalls:
        pending = submission.begin("stalled_run", race=race, token=token, **args)
        with told_with_stall(place):
            judge(pending.result(within_s=_STALLED_WITHIN_S), token)
