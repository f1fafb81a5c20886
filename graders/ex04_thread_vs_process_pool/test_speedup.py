"""Speedup: workers work together, and both executors do."""

from racecourse.checks import check, must, speedup_of

_TOGETHER_WITHIN_S = 6.0
_SETTLED_WITHIN_S = 0.5
_BURN_S = 0.15  # CPU time of one task: fifteen ticks of the coarsest clock of it
_WORKERS = 3
_KINDS = {"thread": "io", "process": "cpu"}


@check("S1")
def test_two_processes_share_the_cpu_work(submission, work, must_succeed, demands):
    """Two equal tasks run at once, and each process carries half of the CPU time.

    There is no worker too many then, nor after a process has died.
    """
    with submission.fresh() as other:
        held = _begin_with_a_death(other, work(6))
        _must_share(submission, work(2), must_succeed, demands)
        _must_be_a_cap_after_a_death(held, demands)
    _must_be_a_cap(submission, work(7), demands, executor="process", how="process")
    _must_be_a_cap(submission, work(7), demands, executor="process", how="all")


def _must_share(submission, given, must_succeed, demands):
    stage = submission.stage
    pending = submission.begin(
        "run",
        how="process",
        tasks=given.tasks(kind="cpu", gate="go", burn_s=_BURN_S),
        max_workers=2,
    )
    stage.until(
        lambda s: s.peak("task") >= 2 or s.count("returned"),
        within_s=_TOGETHER_WITHIN_S,
    )
    seen = stage.peak("task")
    stage.open("go")
    call = demands.call("process")
    must_succeed(pending.result(), given, what=call)
    must.hold(
        seen >= 2,
        f"{call}: 2 tasks on 2 workers were expected to overlap; at most {seen} was"
        " running at once.",
    )
    speedup = speedup_of(stage.log("task"))
    must.hold(
        speedup >= 1.5,
        f"By their CPU time, two workers were {speedup:.2f} times as fast as one; at"
        " least 1.5 was expected. Threads of one process take turns and reach 1.0.",
    )


def _begin_with_a_death(submission, given):
    """Let a task end its process beside another one; all but that task are held."""
    dying = {"dies": True, "gate": "die"}
    tasks = given.tasks(dying, *[{"gate": "go"}] * 5, kind="cpu")
    pending = submission.begin("run", how="process", tasks=tasks, max_workers=2)
    submission.stage.until(
        lambda s: s.waiting("die") + s.waiting("go") >= 2 or s.count("returned"),
        within_s=_TOGETHER_WITHIN_S,
    )
    submission.stage.open("die")
    return pending


def _must_be_a_cap_after_a_death(pending, demands):
    """Demand that no more tasks are held at once than there are workers.

    Runs that have ended are counted: when others were cut off is not known for certain.
    What becomes of the tasks has a check of its own.
    """
    stage = pending.worker.stage
    pending.submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("go")
    stage.until(
        lambda s: s.count("task", "leave") >= 5 or s.count("returned"),
        within_s=_TOGETHER_WITHIN_S,
    )
    log = stage.log("task")
    ended = {(e.pid, e.data["value"]) for e in log if e.kind == "leave"}
    seen = _peak([e for e in log if (e.pid, e.data["value"]) in ended])
    must.hold(
        seen <= 2,
        f"{demands.call('process')}: of 6 tasks one ended its process, with max_workers=2;"
        f" {seen} of the others were running at once then, and at most 2 may.",
    )


@check("S2")
def test_threads_wait_side_by_side(submission, work, demands):
    """Of tasks that block, as many run at once as there are workers, and no more."""
    _must_be_a_cap(submission, work(9), demands, executor="thread", how="thread")
    _must_be_a_cap_for_samples_too(submission, work(9), demands)


def _must_be_a_cap(submission, given, demands, *, executor, how):
    """Demand that exactly as many tasks as workers are held at the gate at once."""
    with submission.fresh() as worker:
        stage = worker.stage
        pending = worker.begin(
            "run",
            how=how,
            tasks=given.tasks(kind=_KINDS[executor], gate="go"),
            max_workers=_WORKERS,
        )
        stage.until(_is_full, within_s=_TOGETHER_WITHIN_S)
        worker.settle(within_s=_SETTLED_WITHIN_S)
        seen = stage.peak("task")
        stage.open("go")
        pending.result()
    must.equal(
        seen,
        _WORKERS,
        what=f"{demands.call(how)}: tasks that ran at once in a {executor}, of"
        f" {len(given.values)} that block, max_workers={_WORKERS}",
    )


def _must_be_a_cap_for_samples_too(submission, given, demands):
    """Demand that a task that is run as a sample takes the place of another.

    Samples may come first, one after the other, and nothing else meanwhile. So they have a
    gate of their own, which is opened where that keeps the other tasks out.
    """
    samples = [{"kind": "auto", "fn": f"work_{n}", "gate": "try"} for n in range(4)]
    with submission.fresh() as worker:
        stage = worker.stage
        pending = worker.begin(
            "run",
            how="all",
            tasks=given.tasks(*samples, kind="io", gate="go"),
            max_workers=_WORKERS,
        )
        stage.until(
            lambda s: s.waiting("try") or _is_full(s), within_s=_TOGETHER_WITHIN_S
        )
        worker.settle(within_s=_SETTLED_WITHIN_S)
        if not _is_full(stage):
            stage.open("try")
            stage.until(_is_full, within_s=_TOGETHER_WITHIN_S)
            worker.settle(within_s=_SETTLED_WITHIN_S)
        here = worker.worker.pid
        seen = _peak([event for event in stage.log("task") if event.pid == here])
        stage.open("try")
        stage.open("go")
        pending.result()
    must.equal(
        seen,
        _WORKERS,
        what=f"{demands.call('all')}: tasks that ran at once in a thread, of"
        f" {len(given.values)} that block, {len(samples)} of them of the kind 'auto',"
        f" max_workers={_WORKERS}",
    )


def _is_full(stage):
    return stage.waiting("go") >= _WORKERS or stage.count("returned")


def _peak(log):
    running = peak = 0
    for event in log:
        running += 1 if event.kind == "enter" else -1
        peak = max(peak, running)
    return peak


@check("S3")
def test_both_executors_work_together(submission, work, must_succeed):
    """Two tasks that compute and two that wait are held at once, each where it belongs."""
    given, stage = work(8), submission.stage
    kinds = [{"kind": kind} for kind in ("io", "cpu", "io", "cpu", "cpu", "cpu", "io")]
    pending = submission.begin(
        "run", how="all", tasks=given.tasks(*kinds, kind="io", gate="go"), max_workers=2
    )
    stage.until(
        lambda s: s.waiting("go") >= 4 or s.count("returned"),
        within_s=_TOGETHER_WITHIN_S,
    )
    submission.settle(within_s=_SETTLED_WITHIN_S)
    pids = [event.pid for event in stage.log("task", "enter")]
    here = pids.count(submission.worker.pid)
    stage.open("go")
    must_succeed(pending.result(), given, what="process_all")
    must.hold(
        here == 2 and len(pids) == 4,
        "process_all was given 4 tasks that compute and 4 that wait, with max_workers=2;"
        " 2 in processes and 2 in threads were expected at the same time. While all were"
        f" held, {len(pids) - here} had begun in processes and {here} in threads.",
    )
