"""Speedup: who is at work together, and what waiting costs."""

from racecourse.checks import check, cpu_shares, must, speedup_of

_READY_WITHIN_S = 5.0
_TOGETHER_WITHIN_S = 6.0  # two processes start late on a crowded machine
_SETTLED_WITHIN_S = 0.5  # what spins never settles
_BURN_S = 0.15  # CPU time of one job: fifteen ticks of the clock that counts it
_STALL_S = 0.6
_IDLE_SHARE = 0.25
_RUNS = 300


@check("S1")
def test_consumers_work_side_by_side(submission):
    """All consumers are inside consume() before any of them may leave it.

    Meanwhile two of them meet at the last items too, in many orders of the threads.
    """
    with submission.exploring("to_the_end", runs=_RUNS):
        _must_overlap(submission, {"hold": True}, backend="thread", consumers=3)


@check("S2")
def test_consuming_begins_before_producing_ends(backends):
    """The source pauses in the middle until one of its items is being consumed."""
    source = {"each": 8, "silent_after": 4}
    pending = {
        backend: worker.begin("watched_run", source=source, backend=backend)
        for backend, worker in backends.items()
    }
    for backend, worker in backends.items():
        begun = worker.stage.until(
            lambda s: s.count("consume", "enter") > 0, within_s=_TOGETHER_WITHIN_S
        )
        must.hold(
            begun,
            f"{backend}: produce() had made {worker.stage.count('produced')} of its 8"
            f" items and was to make the rest later; within {_TOGETHER_WITHIN_S:g} s"
            " none of them reached consume().",
        )
        worker.stage.open("silent")
    for call in pending.values():
        call.result()


@check("S3")
def test_two_processes_share_the_cpu_work(submission):
    """Two equal jobs run at once, and each process carries half of the CPU time."""
    _must_overlap(
        submission,
        {"hold": True, "burn_s": _BURN_S},
        backend="process",
        consumers=2,
    )
    speedup = speedup_of(submission.stage.log("consume"))
    must.hold(
        speedup >= 1.5,
        f"By their CPU time, two consumers were {speedup:.2f} times as fast as one; at"
        " least 1.5 was expected. Threads of one process take turns and reach 1.0.",
    )


def _must_overlap(submission, work, *, backend, consumers):
    """Demand that as many jobs as consumers are held inside consume() at once."""
    pending = submission.begin(
        "watched_run",
        source={"each": consumers},
        work=work,
        backend=backend,
        consumers=consumers,
    )
    stage = submission.stage
    together = stage.until(
        lambda s: s.peak("consume") >= consumers, within_s=_TOGETHER_WITHIN_S
    )
    seen = stage.peak("consume")
    stage.open("go")
    pending.result()
    must.hold(
        together,
        f"Consumers were expected to overlap: {consumers} of them should have been"
        f" inside consume() at once, at most {seen} {'was' if seen == 1 else 'were'}.",
    )


@check("S4")
def test_waiting_costs_nothing(submission):
    """Less than 25 % CPU while consumers have no item, and while producers no room.

    In the first case one of two producers has ended, and there is nothing to wait for
    in it any more. Two runs are watched at a time: more spinning loops would starve each
    other.
    """
    for stalled, who, what in (
        (_stall_empty, "consumers", "an item and one of two producers had ended"),
        (_stall_full, "a producer", "room in the queue"),
    ):
        with submission.fresh() as threads, submission.fresh() as processes:
            calls = [stalled(threads, "thread"), stalled(processes, "process")]
            shares = _lowest_shares(threads, processes)
            for call in calls:
                call.worker.stage.open_all()
                call.result()
        for backend, share in zip(("thread", "process"), shares, strict=True):
            must.hold(
                share < _IDLE_SHARE,
                f"{backend}: while {who} waited for {what}, the pipeline used"
                f" {share:.0%} of the CPU time that a busy loop gets; less than 25% was"
                " expected.",
            )


def _lowest_shares(*workers):
    """Look longer at what seems to loop: a loop goes on, the end of a start does not."""
    shares = cpu_shares(*workers, over_s=_STALL_S)
    for _ in range(2):
        if max(shares) >= _IDLE_SHARE:
            again = cpu_shares(*workers, over_s=2 * _STALL_S)
            shares = [min(pair) for pair in zip(shares, again, strict=True)]
    return shares


def _stall_empty(submission, backend):
    """Begin a run in which one source has ended and the other has fallen silent."""
    source = {"each": 4, "silent_after": 2, "ends_there": 0}
    pending = submission.begin(
        "watched_run", source=source, backend=backend, producers=2
    )
    submission.stage.until(
        lambda s: s.waiting("silent") and s.count("consume", "leave") == 4,
        within_s=_READY_WITHIN_S,
    )
    submission.settle(within_s=_SETTLED_WITHIN_S)
    return pending


def _stall_full(submission, backend):
    """Begin a run whose consumers are held and whose queue is full."""
    pending = submission.begin(
        "watched_run",
        source={"each": 9},
        work={"hold": True},
        backend=backend,
        maxsize=2,
    )
    submission.stage.until(lambda s: s.waiting("go"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    return pending
