"""Cancellation: nothing more is begun, what runs is finished, nothing is left behind."""

import contextlib
import itertools
from time import monotonic, sleep  # noqa: TID251 - looks from outside

from racecourse.checks import Cause, Raised, check, handle_count, must

APPROACHES = ("threading", "multiprocessing", "asyncio")
_READY_WITHIN_S = 8.0
_SETTLED_WITHIN_S = 0.5
_TO_NOTICE_S = 0.5  # for those who look at `cancel` now and then
_RETURNED_WITHIN_S = 5.0  # one second is promised; a busy machine gets more
_GONE_WITHIN_S = 2.0
_WORKERS = 2


@check("X1")
def test_threads_and_coroutines_are_cancelled(submission, held_files, files):
    """While two files are being read; before the first one; and never."""
    for approach in ("threading", "asyncio"):
        _must_be_cancelled(submission, approach, held_files, more=0)
        _must_not_begin(submission, approach, files)
        _must_run_on(submission, approach, files)


@check("X2")
def test_processes_are_cancelled(submission, held_files, files):
    """The same with processes, in whose hands some more files may be already."""
    _must_be_cancelled(submission, "multiprocessing", held_files, more=_WORKERS + 1)
    _must_not_begin(submission, "multiprocessing", files)
    _must_run_on(submission, "multiprocessing", files)


def _must_be_cancelled(submission, approach, held_files, *, more):
    """Cancel while two of ten files are being read; `more` may be on their way."""
    with submission.fresh() as worker, worker.leaving_nothing():
        given, pipes = held_files(worker, 10)
        size = {"approach": approach, "max_workers": _WORKERS}
        pending = worker.begin("cancellable_run", **given.args, **size, press="gate")
        stage = worker.stage
        running = pipes.until(_WORKERS, within_s=_READY_WITHIN_S)
        worker.settle(within_s=_SETTLED_WITHIN_S)
        running |= pipes.reading()
        must.hold(
            running,
            f"{approach}, with a cancel that was not set yet: process_files opened none"
            " of 10 files.",
        )
        stage.open("cancel 0")
        stage.until(lambda s: s.count("cancelled"), within_s=_READY_WITHIN_S)
        early = stage.until(lambda s: s.count("returned"), within_s=_TO_NOTICE_S)
        must.hold(
            not early,
            f"{approach}: cancel was set while {len(running)} files were being read;"
            " process_files returned without waiting for them.",
        )
        _must_return(pending, pipes, approach)
        seen = pending.result()
    begun = pipes.fed - running
    must.hold(
        len(begun) <= more,
        f"{approach}: cancel was set while {len(running)} files of 10 were being read;"
        f" {len(begun)} more were opened all the same.",
    )
    _must_tell_the_truth(given, seen, running, pipes.fed, approach)


def _must_return(pending, pipes, approach):
    stage = pending.worker.stage
    returned = pipes.feed_until(
        lambda: stage.count("returned") > 0, within_s=_RETURNED_WITHIN_S
    )
    if not returned:
        must.fail(
            f"{approach}: cancel was set, and the files that were being read have been"
            f" read; process_files had not returned {_RETURNED_WITHIN_S:g} s later.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )


def _must_tell_the_truth(given, seen, running, read, approach):
    """Files that were running have results, files never read are Cancelled."""
    run = f"{approach}, cancelled with {len(running)} files under way"
    must.equal(len(seen), len(given.paths), what=f"{run}, number of results")
    cancelled = {
        number
        for number, result in enumerate(seen)
        if number not in running and result["cancelled"] and result["ok"] is False
    }
    unread = set(range(len(given.paths))) - read
    for number in sorted(unread - cancelled)[:1]:
        error = (seen[number]["error"] or ["None"])[0]
        must.fail(
            f"{run}: a file that was never opened should have the error Cancelled; its"
            f" result has ok={seen[number]['ok']!r} and the error {error}."
        )
    given.must_be_done(seen, run=run, but=cancelled)


def _must_not_begin(submission, approach, files):
    given = files(submission, 6)
    before = submission.stage.count("work", "enter")
    seen = submission.call(
        "cancellable_run", **given.args, approach=approach, press="before"
    )
    cancelled = [result["cancelled"] for result in seen]
    must.equal(
        cancelled,
        [True] * 6,
        what=f"{approach}, cancel was set before the call: errors that are Cancelled",
    )
    begun = submission.stage.count("work", "enter") - before
    must.equal(begun, 0, what=f"{approach}, files begun after cancel was set")


def _must_run_on(submission, approach, files):
    given = files(submission, 6)
    seen = submission.call(
        "cancellable_run", **given.args, approach=approach, press="never"
    )
    given.must_be_done(seen, run=f"{approach}, with a cancel that nobody sets")


@check("X3")
def test_nothing_is_left_behind(submission, files, held_files):
    """After success, failure, cancellation and Ctrl-C, by every approach."""
    given = files(submission, 6)
    submission.call("watch_what_is_left")
    with submission.leaving_nothing():  # what stays open for good is opened here
        for approach in APPROACHES:
            _run_to_the_end(submission, given, approach)
            _must_have_closed_itself(submission, f"{approach}, after a run to the end")
    open_before = handle_count(submission)
    numbers = itertools.count(1)
    for approach in APPROACHES:
        for end, run in (
            ("a run to the end", _run_to_the_end),
            ("a run in which every worker failed", _fail),
            ("a cancelled run", _cancel),
        ):
            with submission.leaving_nothing():
                run(submission, given, approach, next(numbers))
            _must_have_closed(submission, open_before, f"{approach}, after {end}")
    for number, approach in enumerate(("threading", "asyncio")):
        with submission.leaving_nothing():
            _must_wait_for_threads(submission, given, approach, f"end {number}")
    for approach in APPROACHES:
        _must_survive_an_interrupt(submission, approach, held_files)


def _run_to_the_end(submission, given, approach, _number=0):
    submission.call("cancellable_run", **given.args, approach=approach, press="never")


def _must_wait_for_threads(submission, given, approach, gate):
    """Demand that the call has not returned while a thread of its own has not ended."""
    stage, before = submission.stage, submission.stage.count("returned")
    pending = submission.begin(
        "run_of_late_threads", **given.args, approach=approach, gate=gate
    )
    stage.until(
        lambda s: s.waiting(gate) or s.count("returned") > before,
        within_s=_READY_WITHIN_S,
    )
    submission.settle(within_s=_SETTLED_WITHIN_S)
    left = stage.waiting(gate) if stage.count("returned") > before else 0
    stage.open(gate)
    pending.result()
    must.hold(
        not left,
        f"{approach}: process_files returned when {left} of the threads that it had"
        " started were through with their work, but had not ended. Wait for their end,"
        " as join() and the shutdown of a pool do.",
        cause=Cause.LEFT_BEHIND,
    )


def _fail(submission, given, approach, _number):
    paths = [*given.paths, f"{given.paths[0]}.missing"]
    with contextlib.suppress(Raised):  # what comes out is the affair of C2
        submission.call("faulty_run", paths=paths, approach=approach)


def _cancel(submission, given, approach, number):
    stage, gate = submission.stage, f"go {number}"
    cancelled = stage.count("cancelled")
    pending = submission.begin(
        "cancellable_run",
        **given.args,
        approach=approach,
        press="gate",
        gate=gate,
        number=number,
        max_workers=_WORKERS,
    )
    stage.until(lambda s: s.waiting(gate) > 0, within_s=_READY_WITHIN_S)
    stage.open(f"cancel {number}")
    stage.until(lambda s: s.count("cancelled") > cancelled, within_s=_READY_WITHIN_S)
    stage.open(gate)
    pending.result()


def _must_have_closed(submission, open_before, what):
    """Demand that no more is open than before, and that nothing had to be collected."""
    deadline = monotonic() + _GONE_WITHIN_S
    while (more := handle_count(submission) - open_before) > 0:
        must.hold(
            monotonic() < deadline,
            f"{what}: {more} more files, pipes or selectors are open than before.",
            cause=Cause.LEFT_BEHIND,
        )
        sleep(0.02)
    _must_have_closed_itself(submission, what)


def _must_have_closed_itself(submission, what):
    """Demand that Python found nothing that it had to close instead."""
    submission.call("collect")
    for event in submission.stage.log("unclosed")[:1]:
        told = str(event.data.get("what")).replace(f"{submission.folder}/", "")
        must.fail(f"{what}: Python complained: {told}.", cause=Cause.LEFT_BEHIND)


def _must_survive_an_interrupt(submission, approach, held_files):
    """Ctrl-C while two files are being read: it comes out, and everything is closed."""
    with submission.fresh() as worker, worker.leaving_nothing():
        given, pipes = held_files(worker, 6)
        size = {"approach": approach, "max_workers": _WORKERS}
        worker.call("watch_what_is_left")
        pending = worker.begin("interrupted_run", **given.args, **size)
        pipes.until(_WORKERS, within_s=_READY_WITHIN_S)
        worker.settle(within_s=_SETTLED_WITHIN_S)
        worker.worker.interrupt()
        _must_return_interrupted(pending, pipes, approach)
        must.hold(
            not pipes.until(1, within_s=0.0),
            f"{approach}: after Ctrl-C a file was still being read.",
            cause=Cause.LEFT_BEHIND,
        )
        _must_have_closed_itself(worker, f"{approach}, after Ctrl-C")


def _must_return_interrupted(pending, pipes, approach):
    stage = pending.worker.stage
    # Who waits for the files that are being read can read them; all of them now, because
    # on Python 3.11 and 3.12 a join() that was interrupted cannot be repeated, and
    # that is nobody's fault here.
    stage.until(lambda s: s.count("returned"), within_s=_TO_NOTICE_S / 5)
    ended = pipes.feed_until(
        lambda: stage.count("returned") > 0, within_s=_RETURNED_WITHIN_S
    )
    if not ended:
        must.fail(
            f"{approach}: Ctrl-C came while two files were being read, and they have been"
            f" read; process_files had not ended {_RETURNED_WITHIN_S:g} s later.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    came = f"{approach}: Ctrl-C came while two files were being read;"
    try:
        interrupted = pending.result()
    except Raised as raised:
        must.fail(
            f"{came} KeyboardInterrupt was expected to come out, and {raised} came."
        )
    must.hold(
        interrupted,
        f"{came} process_files returned as if it had not. KeyboardInterrupt was expected.",
    )
