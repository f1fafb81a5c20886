"""Cancellation: stop comes to an end in time, from anywhere, and leaves nothing behind."""

from racecourse.checks import Cause, check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 2.0  # long: when a gate opens too early, right work looks wrong
_HEARD_WITHIN_S = 2.5  # one second is promised; a busy machine gets more
_STUCK = 10  # handlers; a timeout for each of them would be 3 s
_GIVEN_UP_WITHIN_S = 1.9  # 0.3 s are promised; a busy machine gets more
_NUMBERS = ("received", "handled", "failed", "dropped", "queued", "in_flight")
_LISTED = ", ".join(_NUMBERS)


@check("X1")
def test_publishers_who_wait_hear_of_stop(submission):
    """Three publishers wait for room behind a held handler, in both kinds of stop."""
    for drain in (True, False):
        with submission.fresh() as worker, worker.leaving_nothing():
            _must_release_publishers(worker, drain=drain)


def _must_release_publishers(submission, *, drain):
    told = f"Three publishers waited for room when stop(drain={drain}) was called"
    pending = submission.begin("closing_on_publishers", publishers=3, drain=drain)
    stage = submission.stage
    stage.until(lambda s: s.count("publishing") == 3, within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    # Whoever has an answer now did not wait: a queue without a bound is the affair of C3.
    early = stage.count("answered")
    stage.open("more")
    heard = stage.until(lambda s: s.count("answered") == 3, within_s=_HEARD_WITHIN_S)
    must.hold(
        heard,
        f"{told}; {_HEARD_WITHIN_S:g} s later {3 - stage.count('answered')} of them had"
        " not heard of it.",
        cause=Cause.HANG,
        stacks=() if heard else submission.worker.dump_stacks(),
    )
    submission.settle(within_s=_SETTLED_WITHIN_S)
    returned = stage.count("returned")
    stage.open("go")
    second, answer, answers, stats = pending.result()
    refused = [a for a in answers if a in (False, "RuntimeError")]
    must.hold(
        len(refused) == 3 - early,
        f"{told}; their answers were {answers}. Each should be False or a RuntimeError.",
    )
    must.hold(not returned, f"{told}; it returned while a handler was still running.")
    accepted = 1 + (second is True) + early
    handled = accepted if drain else 1
    must.equal(
        [answer, *_numbers(stats)],
        [True, accepted, handled, 0, accepted - handled, 0, 0],
        what=f"{told}; its answer, and then {_LISTED}",
    )


def _numbers(stats):
    return [stats[name] for name in _NUMBERS]


@check("X2")
def test_stop_keeps_its_time_limit(submission):
    """Ten stuck handlers, twenty queued events, and a timeout of 0.3 s."""
    with submission.leaving_nothing():
        pending = submission.begin("stuck", workers=_STUCK, waiting=2, timeout=0.3)
        stage = submission.stage
        stage.until(lambda s: s.waiting("go") == _STUCK, within_s=_READY_WITHIN_S)
        submission.settle(within_s=_SETTLED_WITHIN_S)
        busy = stage.waiting("go")  # fewer than 10 are the affair of S1
        stage.open("more")
        came = stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
        stacks = () if came else submission.worker.dump_stacks()
        must.hold(
            came,
            f"stop(timeout=0.3) with {busy} stuck handlers had not returned after"
            f" {_READY_WITHIN_S:g} s.",
            cause=Cause.HANG,
            stacks=stacks,
        )
        stage.open("go")
        first, at_return, second, at_end = pending.result()
    _must_have_given_up(stage, busy, first, at_return)
    begun, total = stage.count("handle", "enter"), 3 * _STUCK
    must.equal(
        begun - busy,
        0,
        what="queued events that started after stop(timeout=0.3) was over",
    )
    must.equal(
        [second, *_numbers(at_end)],
        [True, total, busy, 0, total - busy, 0, 0],
        what=f"when the {busy} handlers had come out, stop(), and then {_LISTED}",
    )
    _must_be_quick(submission)


def _must_have_given_up(stage, busy, first, at_return):
    told, total = f"stop(timeout=0.3) with {busy} stuck handlers", 3 * _STUCK
    (returned, *_), (asked, *_) = stage.log("returned"), stage.log("more", "passed")
    took_s = (returned.at_ns - asked.at_ns) / 1e9
    must.be_within(
        took_s, 0.28, _GIVEN_UP_WITHIN_S, what=f"{told}; seconds that it took"
    )
    must.equal(first, False, what=told)  # noqa: FBT003
    must.equal(
        _numbers(at_return),
        [total, 0, 0, total - busy, 0, busy],
        what=f"{told} and {total - busy} events queued; {_LISTED} when it had returned",
    )


def _must_be_quick(submission):
    answers = submission.call("quick_stops", times=4, timeout=0.5)
    must.hold(
        True in answers,
        "An idle processor was told stop(timeout=0.5), four times over, and was not at"
        " its end within half a second even once: something in it sleeps for longer.",
    )


@check("X3")
def test_stop_works_from_anywhere(submission):
    """Inside a handler, which drops; inside two at once; in two threads, and once more."""
    for handlers, drain in ((1, False), (2, True)):
        with submission.fresh() as worker, worker.leaving_nothing():
            _handlers_stop(worker, handlers, drain=drain)
    with submission.leaving_nothing():
        pending = submission.begin("stopped_by_two", waiting=5)
        stage = submission.stage
        stage.until(lambda s: s.waiting("go") == 1, within_s=_READY_WITHIN_S)
        stage.open("more")
        submission.settle(within_s=_SETTLED_WITHIN_S)
        early = stage.count("returned")
        stage.open("go")
        answers, stats = pending.result()
    must.hold(not early, "stop() returned while a handler was still running.")
    must.equal(answers, [True] * 3, what="stop() in two threads, and once more")
    must.equal(
        _numbers(stats), [6, 6, 0, 0, 0, 0], what=f"stop() in two threads; {_LISTED}"
    )


def _handlers_stop(submission, handlers, *, drain):
    who = "A handler" if handlers == 1 else "Two handlers at the same time"
    told = f"{who} called stop(drain={drain})"
    args = {"handlers": handlers, "waiting": 4, "drain": drain}
    pending = submission.begin("stopped_inside", **args)
    stage = submission.stage
    stage.until(
        lambda s: s.count("told") and s.waiting("go") == handlers,
        within_s=_READY_WITHIN_S,
    )
    stage.open("go")
    came = stage.until(
        lambda s: s.count("returned") == handlers, within_s=_READY_WITHIN_S
    )
    must.hold(
        came,
        f"{told}, and {_READY_WITHIN_S:g} s later it had not returned.",
        cause=Cause.DEADLOCK,
        stacks=() if came else submission.worker.dump_stacks(),
    )
    answers, stats = pending.result()
    must.equal(
        answers,
        [False] * handlers + [True],
        what=f"{told}, then the main thread stop(); answers",
    )
    queued = 4 * handlers
    handled = queued if drain else 0
    must.equal(
        stage.count("handled"),
        handled,
        what=f"{told} with {queued} events queued; how many were handled",
    )
    total = queued + handlers
    must.equal(
        _numbers(stats),
        [total, handled + handlers, 0, queued - handled, 0, 0],
        what=f"{told}, then the main thread stop(); {_LISTED}",
    )


@check("X4")
def test_nothing_is_left_behind(submission, draw):
    """Processors come and go, one of them during on_error; and two with blocks end."""
    with submission.leaving_nothing():
        must.equal(
            submission.call("many_processors", count=4), [True] * 4, what="stop()"
        )
        _must_wait_for_on_error(submission)
    for text in ("", f"the ground shakes {draw.randrange(999)}"):
        with submission.fresh() as worker, worker.leaving_nothing():
            _must_leave_a_with_block(worker, text)


def _must_wait_for_on_error(submission):
    pending = submission.begin("stopped_during_on_error")
    stage = submission.stage
    stage.until(lambda s: s.waiting("go") == 1, within_s=_READY_WITHIN_S)
    running = stage.waiting("go")  # an on_error that is not called is the affair of C4
    stage.open("more")
    stage.until(lambda s: s.count("stopping"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    early = stage.count("returned")
    stage.open("go")
    answer = pending.result()
    must.hold(
        not (running and early),
        "The only event had failed, and on_error was still running when stop() returned"
        f" {answer}. No thread should be left by then; wait for on_error, too.",
    )
    must.equal(answer, True, what="stop() while on_error was running")  # noqa: FBT003


def _must_leave_a_with_block(submission, text):
    how = "by an exception" if text else "as usual"
    pending = submission.begin("with_block", text=text, waiting=5)
    stage = submission.stage
    stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("go")
    told, stats = pending.result()
    must.equal(told, text, what=f"what came out of a with block that ended {how}")
    handled = 1 if text else 6
    must.equal(
        _numbers(stats),
        [6, handled, 0, 6 - handled, 0, 0],
        what=f"a with block ended {how}, with 1 event in its handler and 5 queued;"
        f" {_LISTED}",
    )
    must.equal(stage.count("handle", "enter"), handled, what="events that were handled")
