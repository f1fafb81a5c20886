"""Speedup: workers work together, waiting overlaps, and measuring is cheap."""

from time import monotonic

from racecourse.checks import check, must, speedup_of

_TOGETHER_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_BURN_S = 0.15  # CPU time of one job: fifteen ticks of the coarsest clock of it
_WORKERS = 4
_NAPS_S = (0.1, 0.1, 0.3, 0.6)  # the longer, the less a busy machine matters
_RATIO = 2.5
_WATCHED_S = 0.6
_WATCHES = 3
_LOOK_EVERY_S = 0.02
_SHARE = 0.3


@check("S1")
def test_two_processes_share_the_cpu_work(submission, work):
    """Two equal jobs run at once, and each process carries half of the CPU time."""
    _must_overlap(submission, "multiprocessing", work(2), workers=2, burn_s=_BURN_S)
    speedup = speedup_of(submission.stage.log("job"))
    must.hold(
        speedup >= 1.5,
        f"By their CPU time, two workers were {speedup:.2f} times as fast as one; at"
        " least 1.5 was expected. Threads of one process take turns and reach 1.0.",
    )


@check("S2")
def test_threads_wait_side_by_side(submission, work):
    """Four jobs that wait are waited for at once; then by the clock, with naps."""
    _must_overlap(submission, "threading", work(_WORKERS), workers=_WORKERS)
    ratios = []
    for nap_s in _NAPS_S:
        took_s = _seconds(submission, work(_WORKERS), workers=_WORKERS, nap_s=nap_s)
        ratios.append(_WORKERS * nap_s / took_s)
        if ratios[-1] >= _RATIO:
            return
    must.fail(
        f"{_WORKERS} jobs that sleep {nap_s:g} s each took {took_s:.2f} s on {_WORKERS}"
        f" threads: {max(ratios):.1f} times as fast as one after the other, at best;"
        f" {_RATIO:g} was expected, and {_WORKERS} is ideal."
    )


def _must_overlap(submission, model, given, *, workers, **how):
    """Demand that as many jobs as workers are held at the gate at once."""
    pending = submission.begin(
        "run", model=model, work=given.args, workers=workers, gate="go", **how
    )
    stage = submission.stage
    stage.until(
        lambda s: s.peak("job") >= workers or s.count("returned"),
        within_s=_TOGETHER_WITHIN_S,
    )
    seen = stage.peak("job")
    stage.open("go")
    pending.result()
    must.hold(
        seen >= workers,
        f"{model}: {workers} jobs on {workers} workers were expected to overlap; at most"
        f" {seen} {'was' if seen == 1 else 'were'} running at once.",
    )


def _seconds(submission, given, **how):
    """Return how long a run of naps took, by the supervisor's clock."""
    stage = submission.stage
    submission.call("run", model="threading", work=given.args, job="nap", **how)
    called, returned = (stage.log(name)[-1].at_ns for name in ("called", "returned"))
    return (returned - called) / 1e9


@check("S3")
def test_measuring_is_cheap(by_model, work):
    """Less than 30 % of a core while jobs wait: the looks at the memory cost no more."""
    calls = {
        model: worker.begin(
            "measured",
            model=model,
            task="io",
            work=work(2).args,
            workers=2,
            gate="go",
        )
        for model, worker in by_model.items()
    }
    for model, worker in by_model.items():
        worker.stage.until(
            lambda s: s.waiting("go") == 2 or s.count("returned"),
            within_s=_TOGETHER_WITHIN_S,
        )
        worker.settle(within_s=_SETTLED_WITHIN_S)
        share, spins = _cheapest_look(worker)
        worker.stage.open("go")
        calls[model].result()
        must.hold(
            share < _SHARE and not spins,
            f"{model}: while the jobs only waited, measure() used {share:.0%} of a core"
            f"{' and never slept' if spins else ''}; less than {_SHARE:.0%} was expected.",
        )


def _cheapest_look(worker):
    """Look again at what seems dear: a loop goes on, the end of a start does not."""
    for _ in range(_WATCHES):
        share, spins = _watch(worker)
        if share < _SHARE and not spins:
            break
    return share, spins


def _watch(worker):
    """Return the share of a core that the tree used, and whether it was never asleep.

    A busy machine can only make the share smaller. So it fails nobody who is right; and
    who spins shows on it too, by not being asleep in any of many looks.
    """
    begun, used_s = monotonic(), worker.worker.cpu_seconds()
    slept = False
    while monotonic() < begun + _WATCHED_S:
        slept = slept or worker.worker.is_asleep()
        worker.stage.until(lambda s: s.count("returned"), within_s=_LOOK_EVERY_S)
    share = (worker.worker.cpu_seconds() - used_s) / (monotonic() - begun)
    return share, not slept
