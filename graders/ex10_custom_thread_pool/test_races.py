"""Races: too many workers, a stranded task, a task too late, a picture that is wrong.

Each scenario runs once for every place in the submission at which a thread can be held:
between a read and the write that follows, or between a test and what it decides. The
scenarios see that a thread is held and act just then. Meanwhile the orders of threads of
a small program are explored, under a scheduler and a clock of ours.
"""

from racecourse.checks import check, must

# The second and third visitors too; and a hold longer than usual, because a thread that
# comes to act meanwhile may be slow to wake.
_STALLS = {"limit": 56, "visits": (1, 2, 3), "hold_s": 0.008}
_RUNS = 300


@check("R1")
def test_never_more_workers_than_allowed(submission):
    """Eight threads submit at once to a pool of at most two workers."""
    args = {"submitters": 8, "max_workers": 2}
    with submission.exploring("crowd", runs=_RUNS):
        for stalled in submission.stalls("crowd", **_STALLS, name="record", **args):
            with stalled.told():
                values, peak = stalled.call(name=stalled.token, **args)
                inside = submission.stage.peak(stalled.token)
                must.hold(
                    inside <= 2,
                    f"{inside} tasks ran at once in a pool with max_workers=2, to which 8"
                    " threads had submitted.",
                )
                must.be_within(
                    peak, 1, 2, what="peak_workers in a pool with max_workers=2"
                )
                must.equal(values, list(range(8)), what="values of the tasks")


@check("R2")
def test_no_task_is_stranded_by_a_retiring_worker(submission):
    """Tasks come one by one, about when the last worker retires."""
    args = {"tasks": 3, "idle_timeout": 0.003}
    with submission.exploring("retiring", "waking", runs=_RUNS):
        for stalled in submission.stalls("sporadic", **_STALLS, **args):
            with stalled.told():
                must.hold(
                    stalled.call(**args)["stranded"] is None,
                    "A task came when a worker was about to retire, and had not run 1.5 s"
                    " later: it was stranded.",
                )


@check("R3")
def test_a_submit_that_meets_a_shutdown_is_refused_or_done(submission):
    """One thread submits while another shuts the pool down."""
    with submission.exploring("closing", runs=_RUNS):
        for stalled in submission.stalls("closing", **_STALLS, tasks=4):
            with stalled.told():
                seen = stalled.call(tasks=4)
                must.hold(
                    not seen["late"],
                    f"shutdown() had returned, and then {_tasks(seen['late'])} began to run.",
                )
                must.hold(
                    not seen["unfinished"],
                    f"shutdown() returned, and {_tasks(seen['unfinished'])} that submit()"
                    " had accepted had not ended.",
                )


def _tasks(count):
    return f"{count} task{'s' * (count > 1)}"


@check("R4")
def test_every_picture_adds_up(submission):
    """stats() is asked again and again while six tasks come and go."""
    args = {"tasks": 6, "max_workers": 2}
    with submission.exploring("pictures", runs=_RUNS):
        for stalled in submission.stalls("pictures", **_STALLS, **args):
            with stalled.told():
                pictures = stalled.call(**args)
                for due, stats in pictures:
                    _must_add_up(due, stats, max_workers=2)
                _must_all_have_ended(pictures[-1][1])


def _must_all_have_ended(stats):
    ended = [stats[name] for name in ("completed", "failed", "cancelled", "queued")]
    must.equal(
        ended, [4, 2, 0, 0], what="completed, failed, cancelled, queued at the end"
    )


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
