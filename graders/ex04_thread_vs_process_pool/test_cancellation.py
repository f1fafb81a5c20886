"""Cancellation: a timeout, a dying process and Ctrl-C end what they must, and no more."""

import os
import signal
from collections import Counter

from racecourse.checks import Cause, Raised, check, must

_WORKERS = 2
_STUCK_AFTER_S = 8.0
_SETTLED_WITHIN_S = 0.5
_TIMEOUT_S = 1.5  # a busy machine needs a while to start two processes
_RETURNED_WITHIN_S = 10.0  # one second is promised; a busy machine gets more
_STREAM_NAP_S = 0.25
_STREAM = 64 * _WORKERS  # tasks; together they take longer than one waits for the call
# Of an executor whose futures were cancelled and whose processes were killed: its manager
# may die of that (InvalidStateError), and leave behind the thread that feeds the queue.
_OF_THE_LIBRARY = 1
_TO_NOTICE_S = 0.4
_DYING_S = 0.05  # so that whoever is started with it has begun, also the second time
_NEIGHBOUR_S = 0.25  # so long runs who is beside one that dies, whenever it is run
_ON_THE_WAY = _WORKERS + 1  # what an executor puts into the queue of its processes


@check("X1")
def test_a_timeout_ends_the_call(submission, work, must_succeed):
    """What has ended is kept, what runs is a TimeoutError, and nothing else is started.

    While that call runs for its time, so does another, whose tasks end one after the other.
    """
    with submission.fresh() as other:
        given = work(6)
        tasks = given.tasks(*({"kind": k} for k in ("cpu", "io") * 3))
        seen = other.call(
            "run", how="all", tasks=tasks, max_workers=_WORKERS, timeout=3600.0
        )
        must_succeed(seen, given, what="process_all with an hour of time")
        stream = _begin(other, work(_STREAM).tasks(kind="io", nap_s=_STREAM_NAP_S))
        _must_end_what_runs(submission, work)
        _must_return(
            stream,
            f" Its {_STREAM} tasks took {_STREAM_NAP_S:g} s each: the time is that of the"
            " whole call, and the end of a task does not prolong it.",
            calls=2,
        )


def _must_end_what_runs(submission, work):
    given = work(16)
    kinds = ["cpu", "io"] * 8
    # The first of each kind is quick; all others wait until they are let go.
    tasks = given.tasks(
        *({"kind": k, "gate": "go" if i > 1 else ""} for i, k in enumerate(kinds))
    )
    stage = submission.stage
    with submission.leaving_nothing(but_threads=_WORKERS + _OF_THE_LIBRARY):
        pending = _begin(submission, tasks)
        outcomes = _must_return(pending)
    log = stage.log()
    _must_be_by_what_happened(outcomes, given, kinds, log)
    begun = stage.count("task", "enter")
    stage.open("go")
    submission.settle(within_s=2 * _SETTLED_WITHIN_S)
    more = stage.count("task", "enter") - begun
    must.hold(
        more == 0,
        f"process_all had returned at its timeout; then the tasks that were running"
        f" ended, and {more} more {'was' if more == 1 else 'were'} started.",
    )


def _begin(submission, tasks):
    return submission.begin(
        "run", how="all", tasks=tasks, max_workers=_WORKERS, timeout=_TIMEOUT_S
    )


def _must_return(pending, told="", *, calls=1):
    """Return the outcomes of the last of so many calls of its worker."""
    stage = pending.worker.stage
    in_time = stage.until(
        lambda s: s.count("returned") >= calls,
        within_s=_TIMEOUT_S + _RETURNED_WITHIN_S,
    )
    if not in_time:
        must.fail(
            f"process_all had timeout={_TIMEOUT_S:g}, and {_RETURNED_WITHIN_S:g} s"
            f" after that time it had not returned.{told}",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    return pending.result()


def _must_be_by_what_happened(outcomes, given, kinds, log):
    """Judge each outcome by what the stage saw of its task."""
    must.equal(
        [o["name"] for o in outcomes], list(given.asks), what="names of the outcomes"
    )
    called = next(event.at_ns for event in log if event.name == "called")
    begun = {e.data["value"] for e in log if (e.name, e.kind) == ("task", "enter")}
    left = {
        e.data["value"]: (e.at_ns - called) / 1e9
        for e in log
        if (e.name, e.kind) == ("task", "leave")
    }
    on_the_way = 0
    for place, (outcome, kind) in enumerate(zip(outcomes, kinds, strict=True)):
        value = given.values[place]
        what = f"process_all with a timeout: outcome {place + 1}, of the kind {kind!r}"
        if value in left:
            # One that ended just at the timeout may be told in either way.
            if left[value] < 0.8 * _TIMEOUT_S or outcome["ok"]:
                must.hold(
                    outcome["ok"] is True and outcome["value"] == given.answers[place],
                    f"{what}: its task had ended {left[value]:.2f} s after the call,"
                    f" long before the timeout; its error is {outcome['error']}, and its"
                    " value was expected.",
                )
        elif value in begun:
            must.hold(
                outcome["ok"] is False and "TimeoutError" in outcome["kinds"],
                f"{what}: its task was running when the time was over; a TimeoutError"
                f" was expected, and its error is {outcome['error']}.",
            )
        else:
            was_on_the_way = kind == "cpu" and "TimeoutError" in outcome["kinds"]
            on_the_way += was_on_the_way
            must.hold(
                outcome["ok"] is False
                and (
                    was_on_the_way
                    or (
                        "CancelledError" in outcome["kinds"]
                        and outcome["executor"] is None
                    )
                ),
                f"{what}: its task was never started; a CancelledError and the executor"
                f" None were expected. Its error is {outcome['error']}, its executor"
                f" {outcome['executor']!r}.",
            )
    must.hold(
        on_the_way <= _ON_THE_WAY,
        f"process_all with a timeout: {on_the_way} tasks of the kind 'cpu' were never"
        " started and have a TimeoutError, as if they had been running; a CancelledError"
        " was expected.",
    )


@check("X2")
def test_a_dying_process_takes_nobody_along(submission, work, demands, draw):
    """Two tasks end their process; all others have their values, and no child is left.

    The first one does so while another task is running beside it: that one is under the
    same suspicion, and if both are run again together, it is taken along again.
    """
    for how in ("process", "all"):
        given = work(8)
        kinds = ["cpu"] * 6 + (["cpu"] * 2 if how == "process" else ["io"] * 2)
        tasks = given.tasks(*({"kind": kind} for kind in kinds))
        first = draw.randrange(_WORKERS)
        dying = {first, draw.randrange(_WORKERS, 6)}
        for place in dying:
            tasks[place]["dies"] = True
        tasks[first] |= {"gate": "die", "nap_s": _DYING_S}
        tasks[1 - first] |= {"gate": "go", "nap_s": _NEIGHBOUR_S}
        call = f"{demands.call(how)}, when 2 of {len(tasks)} tasks end their process"
        with submission.fresh() as worker, worker.leaving_nothing():
            pending = worker.begin("run", how=how, tasks=tasks, max_workers=_WORKERS)
            _die_beside_the_other(worker.stage)
            outcomes = pending.result()
            runs = Counter(
                event.data["value"] for event in worker.stage.log("task", "enter")
            )
        demands.in_order(outcomes, given, what=call)
        for place, outcome in enumerate(outcomes):
            what, value = f"{call}: outcome {place + 1}", given.values[place]
            if place in dying:
                must.hold(
                    outcome["ok"] is False and outcome["error"] is not None,
                    f"{what}, of one of the two: ok is {outcome['ok']!r}; an error was"
                    " expected.",
                )
            else:
                demands.value(outcome, given.answers[place], what=what)
            most = 1 + len(dying) if kinds[place] == "cpu" else 1
            must.hold(
                1 <= runs[value] <= most,
                f"{what}, of the kind {kinds[place]!r}: its task was run {runs[value]}"
                f" times; {'once, and once more for each death at most,' if most > 1 else 'once'}"
                " was expected.",
            )


def _die_beside_the_other(stage):
    """Let the first one end its process as soon as the other is running too."""
    stage.until(
        lambda s: s.waiting("die") + s.waiting("go") >= _WORKERS or s.count("returned"),
        within_s=_STUCK_AFTER_S,
    )
    stage.open("die")
    stage.open("go")


@check("X3")
def test_an_interrupt_leaves_no_child(submission, work, demands):
    """SIGINT to everybody, as from the keyboard, and to the parent alone, as from kill."""
    # Tasks that are interrupted themselves make room, in the queue too, before the
    # caller has come to stop that.
    for whom, how, kind, interrupt, may_start in (
        ("all processes", "process", "cpu", _interrupt_all, _ON_THE_WAY + _WORKERS),
        ("the calling process", "all", "cpu", _interrupt_alone, _ON_THE_WAY),
        ("the calling process", "thread", "io", _interrupt_alone, _ON_THE_WAY),
    ):
        call = demands.call(how)
        with submission.fresh() as other, other.leaving_nothing():
            pending = other.begin(
                "run",
                how=how,
                tasks=work(12).tasks(kind=kind, fn="interrupted", gate="go"),
                max_workers=_WORKERS,
            )
            stage = other.stage
            _until_or_stuck(
                stage, lambda s: s.count("begun") >= _WORKERS or s.count("returned")
            )
            other.settle(within_s=_SETTLED_WITHIN_S)
            begun = stage.count("begun")
            interrupt(other.worker)
            # What was running may end before the interrupt comes out. It does not before
            # the caller has done what it wants to, however long it waits for a processor.
            if not stage.until(lambda s: s.count("returned"), within_s=_TO_NOTICE_S):
                other.settle(within_s=_STUCK_AFTER_S)
                stage.open("go")
            _must_be_interrupted(pending, whom, call)
            if how == "thread":
                stage.open("go")  # for those left in a task, which nobody can end
        more = stage.count("begun") - begun
        must.hold(
            more <= may_start,
            f"SIGINT went to {whom} during {call}, with {_WORKERS} workers busy and"
            f" {12 - begun} tasks to go; {more} more were started all the same.",
        )


def _interrupt_all(worker):
    worker.interrupt()


def _interrupt_alone(worker):
    os.kill(worker.pid, signal.SIGINT)


def _until_or_stuck(stage, seen):
    """Wait for what is to be seen as long as anything happens, however slowly."""
    events = -1
    while events < (events := len(stage.log())):
        if stage.until(seen, within_s=_STUCK_AFTER_S):
            return


def _must_be_interrupted(pending, whom, call):
    stage = pending.worker.stage
    came_out = stage.until(lambda s: s.count("returned"), within_s=_RETURNED_WITHIN_S)
    if not came_out:
        must.fail(
            f"SIGINT went to {whom}, and the tasks that were running have ended; {call}"
            f" had not returned {_RETURNED_WITHIN_S:g} s later.",
            cause=Cause.HANG,
            stacks=pending.worker.dump_stacks(),
        )
    try:
        pending.result()
    except Raised as raised:
        must.hold(
            raised.type == "KeyboardInterrupt",
            f"SIGINT went to {whom}; KeyboardInterrupt was expected to come out of {call},"
            f" and {raised} came.",
        )
        return
    must.fail(
        f"SIGINT went to {whom}; {call} returned as if nothing had happened."
        " KeyboardInterrupt was expected."
    )
