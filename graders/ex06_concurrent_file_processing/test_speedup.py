"""Speedup: how many files are open together, whose CPU is used, and a loop left free."""

from time import monotonic

from racecourse.checks import Cause, check, must, speedup_of

APPROACHES = ("threading", "multiprocessing", "asyncio")
_READY_WITHIN_S = 8.0
_SETTLED_WITHIN_S = 0.5
_RETURNED_WITHIN_S = 8.0
_BURN_S = 0.15  # CPU time of one job: fifteen ticks of the clock that counts it
_TINY_FILES = 200
_FEW_FILES = 40
_TINY_WITHIN_S = 5.0  # one file after the other takes 0.05 s
_BEATS = 3


@check("S1")
def test_exactly_max_workers_files_are_read_at_once(workers, held_files):
    """Six files whose readers are held, four workers: four files are open, no more."""
    runs = []
    for approach, worker in workers.items():
        given, pipes = held_files(worker, 6)
        size = {"approach": approach, "max_workers": 4}
        runs.append((given, pipes, worker.begin("whole_run", **given.args, **size)))
    for (_, pipes, pending), approach in zip(runs, workers, strict=True):
        _must_read_four(pending.submission, pipes, approach)
    for (given, pipes, pending), approach in zip(runs, workers, strict=True):
        given.must_be_done(_result_of(pending, pipes, approach), run=approach)


def _must_read_four(worker, pipes, approach):
    pipes.until(4, within_s=_READY_WITHIN_S)
    worker.settle(within_s=_SETTLED_WITHIN_S)
    reading = len(pipes.reading())
    must.hold(
        reading == 4,
        f"{approach}: with max_workers=4 and 6 files that take long to read, {reading}"
        f" {'was' if reading == 1 else 'were'} open at the same time; 4 were expected.",
    )


def _result_of(pending, pipes, approach):
    stage = pending.worker.stage
    returned = pipes.feed_until(
        lambda: stage.count("returned") > 0, within_s=_RETURNED_WITHIN_S
    )
    if not returned:
        must.fail(
            f"{approach}: every file that was opened could be read; process_files had"
            f" not returned {_RETURNED_WITHIN_S:g} s later.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    return pending.result()


@check("S2")
def test_two_processes_share_the_cpu_work(submission, files):
    """Four equal jobs by two processes: each carries half of the CPU time."""
    given, stage = files(submission, 4), submission.stage
    # Two and two: whoever is ready first waits for the other. A process that gets no
    # core for a while would be late for its second file, and it is not to blame.
    stage.supply("go", ["go", "go", "again", "again"])
    pending = submission.begin(
        "whole_run",
        **given.args,
        gate="go",
        burn_s=_BURN_S,
        approach="multiprocessing",
        max_workers=2,
    )
    stage.until(lambda s: s.waiting("go") == 2, within_s=_READY_WITHIN_S)
    together = stage.waiting("go")
    stage.open("go")
    if together == 2:
        stage.until(lambda s: s.waiting("again") == 2, within_s=_READY_WITHIN_S)
    stage.open("again")
    given.must_be_done(pending.result(), run="multiprocessing")
    must.hold(
        together == 2,
        "multiprocessing: with max_workers=2, two files should have been worked on at"
        f" once; {together} {'was' if together == 1 else 'were'}.",
    )
    speedup = speedup_of(stage.log("work"))
    must.hold(
        speedup >= 1.5,
        f"multiprocessing: the CPU time of all files is {speedup:.2f} times that of the"
        " busiest process; with two processes at least 1.5 was expected.",
    )


@check("S3")
def test_the_event_loop_is_never_blocked(submission, held_files):
    """The loop's heart beats while files are being read, and while they are worked on."""
    given, pipes = held_files(submission, 2)
    pending = submission.begin(
        "run_with_a_heart", **given.args, gate="go", max_workers=2
    )
    stage = submission.stage
    pipes.until(2, within_s=_READY_WITHIN_S)
    _must_beat(submission, "two files were slow to read")
    pipes.feed_until(
        lambda: stage.waiting("go") == 2,
        within_s=_READY_WITHIN_S,
    )
    _must_beat(submission, "the worker was busy with two files")
    stage.open("go")
    given.must_be_done(pending.result(), run="asyncio")
    opened = stage.count("opened")
    must.hold(
        not opened,
        f"{opened} of 2 files were opened in the very thread that runs the event loop;"
        " while a disk is slow to answer, nothing else happens there.",
    )


def _must_beat(submission, when):
    stage = submission.stage
    before = stage.count("beat")
    beats = stage.until(
        lambda s: s.count("beat") >= before + _BEATS, within_s=_READY_WITHIN_S
    )
    if not beats:
        must.fail(
            f"asyncio: while {when}, the event loop did nothing else for"
            f" {_READY_WITHIN_S:g} s: it was blocked, or there was none.",
            cause=Cause.HANG,
            stacks=submission.worker.dump_stacks(),
        )


@check("S4")
def test_small_files_cost_little(submission, files):
    """Two hundred tiny files within five seconds, and not a process for each."""
    given = files(submission, _TINY_FILES)
    for approach in APPROACHES:
        took_s = _time_of(submission, given, approach)
        if took_s > _TINY_WITHIN_S:  # was it the machine?
            took_s = min(took_s, _time_of(submission, given, approach))
        must.hold(
            took_s <= _TINY_WITHIN_S,
            f"{approach}: {_TINY_FILES} files of less than 100 bytes took {took_s:.1f} s;"
            f" at most {_TINY_WITHIN_S:g} s are allowed, and one file after the other"
            " takes 0.05 s.",
        )
    few = given.at(range(_FEW_FILES))
    seen = submission.call("whole_run", **few.args, approach="multiprocessing")
    few.must_be_done(seen, run="multiprocessing")
    pids = {event.pid for event in submission.stage.log("work", "enter")}
    must.hold(
        len(pids) <= _FEW_FILES / 4,
        f"multiprocessing: {_FEW_FILES} tiny files were processed by {len(pids)}"
        " different processes; a process should be used for many files.",
    )


def _time_of(submission, given, approach):
    begun = monotonic()
    seen = submission.call("whole_run", **given.args, approach=approach, watched=False)
    took_s = monotonic() - begun
    given.must_be_done(seen, run=approach)
    return took_s
