"""Correctness: aggregates, order, a full queue, errors as data, and the life cycle."""

from racecourse.checks import Cause, check, must, torn_update

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_EVENTS = 200
_RUNS = 60  # one thread's delay is enough for what they look for
_STREAMS = ("crater", "glacier", "harbour", "forest", "village", "summit")
_NUMBERS = ("received", "handled", "failed", "dropped", "queued", "in_flight")
_POLICIES = ("block", "reject", "drop_oldest")


@check("C1")
def test_streams_are_handled_and_counted(submission, draw):
    """Three streams: one above zero, one below, one around; three publishers."""
    names = _drawn_names(draw, 3)
    ranges = ((1, 4_000), (-4_000, -1), (-2_000, 2_000))
    streams = {
        name: [draw.randint(*bounds) / 4 for _ in range(_EVENTS)]
        for name, bounds in zip(names, ranges, strict=True)
    }
    seen = submission.call("aggregates", streams=streams)
    must.equal(
        _numbers(seen["at_first"]), [0] * 6, what=f"{_listed()}, before the first event"
    )
    must.equal(
        seen["answers"].count(True), 3 * _EVENTS, what="events that publish() accepted"
    )
    must.equal(seen["done"], True, what="stop(timeout=9)")  # noqa: FBT003
    must.have_same_items(
        seen["handled"],
        [[s, n, value] for s in names for n, value in enumerate(streams[s])],
        what="events that were handled",
    )
    total = 3 * _EVENTS
    must.equal(
        _numbers(seen["stats"]),
        [total, total, 0, 0, 0, 0],
        what=f"{_listed()}, at the end",
    )
    for number, name in enumerate(names, 1):
        values = streams[name]
        must.equal(
            seen["stats"]["streams"].get(name),
            [_EVENTS, sum(values), min(values), max(values)],
            what=f"count, total, minimum and maximum of stream {number}",
        )
    must.equal(len(seen["stats"]["streams"]), 3, what="streams in stats()")


def _drawn_names(draw, count):
    """Draw names of streams that no run has had before."""
    return [f"{name} {draw.randrange(999)}" for name in draw.sample(_STREAMS, count)]


def _numbers(stats):
    return [stats[name] for name in _NUMBERS]


def _listed():
    return ", ".join(_NUMBERS)


@check("C2")
def test_each_stream_keeps_its_order(submission, draw):
    """The first event of one stream is held; the others take between 0 and 3 ms."""
    names = _drawn_names(draw, 4)
    turns = names * 12
    draw.shuffle(turns)
    events = [
        [name, turns[:place].count(name), draw.randrange(4) / 1000]
        for place, name in enumerate(turns)
    ]
    stage = submission.stage
    for name in names:
        stage.keep(name, 0, hold_s=0.004)
    pending = submission.begin("lanes", events=events, first=names[0], workers=4)
    stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("go")
    must.equal(pending.result(), True, what="stop(timeout=9)")  # noqa: FBT003
    for name in names:
        at_once = stage.peak(f"in {name}")
        must.hold(
            at_once <= 1,
            f"{at_once} events of one stream were being handled at the same time.",
        )
        must.hold(
            torn_update(stage.log(), name) is None and stage.value_of(name) == 12,
            "The handler adds 1 to a number for each event of a stream, in two steps;"
            f" after 12 events it was {stage.value_of(name)}.",
        )
        order = [event.data["seq"] for event in stage.log(f"in {name}", "enter")]
        must.have_same_items(order, range(12), what="events of one stream")
        must.equal(
            order,
            list(range(12)),
            what="order in which the events of one stream, numbered as they were"
            " published, were handled",
        )


@check("C3")
def test_a_full_queue_does_what_was_agreed(submission, draw):
    """The only worker is held; the queue is filled, and more events come.

    That a timeout is one, however often others are quicker, is seen on the engine's clock;
    likewise that publish tells the truth when room comes just then.
    """
    with submission.exploring("patience", "last_moment", runs=_RUNS):
        for policy in draw.sample(_POLICIES, 3):
            with submission.fresh() as worker:
                _must_do_when_full(worker, policy)
        _a_publisher_waits_for_room(submission)


def _must_do_when_full(submission, policy):
    """Queue a1, first2, first3, and publish b4 and c5 to a processor with capacity=3.

    The stream `first` is busy; that spares its events nothing, nor are they the first to go.
    """
    told = (
        f"overflow={policy!r}, an event of stream 'first' in its handler, then one of"
        " 'a' and two of 'first' queued with capacity=3"
    )
    wait_s = 0.1 if policy == "block" else 60.0  # the other two do not wait
    pending = submission.begin(
        "full_queue",
        overflow=policy,
        filling=["a", "first", "first"],
        extra=[*"bc"],
        timeout=wait_s,
    )
    stage = submission.stage
    came = stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    must.hold(
        came,
        f"{told}: 2 more calls of publish(event, timeout={wait_s:g}) had not returned"
        f" after {_READY_WITHIN_S:g} s.",
        cause=Cause.HANG,
        stacks=() if came else submission.worker.dump_stacks(),
    )
    stage.open("go")
    seen = pending.result()
    drops = policy == "drop_oldest"
    must.equal(seen["answers"], [True] * 3, what="publish() of 3 events, capacity=3")
    must.equal(seen["more"], [drops] * 2, what=f"{told}: publish() of 2 more events")
    must.hold(
        policy != "block" or seen["took_s"] >= 2 * wait_s * 0.95,
        f"{told}: publish(event, timeout={wait_s:g}) gave up after"
        f" {seen['took_s'] / 2:.3f} s.",
    )
    dropped = 2 * drops
    must.equal(
        _numbers(seen["at_full"]),
        [4 + dropped, 0, 0, dropped, 3, 1],
        what=f"{told}, 2 more published: {_listed()}",
    )
    handled = [[e.data["stream"], e.data["seq"]] for e in stage.log("handle", "enter")]
    queued = [["a", 1], ["first", 2], ["first", 3], ["b", 4], ["c", 5]]
    must.have_same_items(
        handled,
        [["first", 0], *(queued[2:] if drops else queued[:3])],
        what=f"{told}, 2 more published: events that were handled in the end",
    )
    must.equal(
        [seen["done"], *_numbers(seen["at_end"])],
        [True, 4 + dropped, 4, 0, dropped, 0, 0],
        what=f"{told}, 2 more published: stop(), and then {_listed()}",
    )


def _a_publisher_waits_for_room(submission):
    """With "block" and time enough, publish returns True when there is room."""
    pending = submission.begin("patient_publisher", timeout=60.0)
    stage = submission.stage
    stage.until(lambda s: s.count("publishing"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    early = stage.count("published")
    stage.open("go")
    in_time = stage.until(lambda s: s.count("published"), within_s=_READY_WITHIN_S)
    stage.open("later")
    answers, done, stats = pending.result()
    must.hold(
        not early,
        "The queue was full, and publish(event, timeout=60) did not wait for room.",
    )
    must.hold(
        answers and in_time,
        "There was room in the queue again, as its only event was in the handler; but a"
        f" publish() that waited for room had not returned {_READY_WITHIN_S:g} s later.",
        cause=Cause.HANG,
    )
    must.equal(answers, [True], what="publish() that waited, and got room")
    must.equal(
        [done, *_numbers(stats)],
        [True, 3, 3, 0, 0, 0, 0],
        what=f"stop(), and then {_listed()}",
    )


@check("C4")
def test_errors_are_data(submission, draw):
    """Three streams of 28 events; four of each fail, in various ways."""
    names = _drawn_names(draw, 3)
    kinds = ["ValueError", "Empty", "SensorError", "StopIteration"] * 2
    kinds += ["KeyError", "Full", "TimeoutError", "IndexError"]
    draw.shuffle(kinds)
    events = [[name, seq] for seq in range(28) for name in names]
    bad = [
        [name, seq, kinds.pop(), f"reading {draw.randrange(999)}"]
        for name in names
        for seq in sorted(draw.sample(range(27), 4))
    ]
    pending = submission.begin("failing", events=events, bad=bad)
    stage = submission.stage
    stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)  # who would overtake has done so now
    stage.open("go")
    seen = pending.result()
    _must_be_told_in_time(seen)
    failed = [[name, seq] for name, seq, *_ in bad]
    must.have_same_items(
        seen["called"],
        events,
        what="calls of the handler, with an on_error that raises RuntimeError or"
        " SystemExit now and then",
    )
    must.have_same_items(
        seen["handled"],
        [event for event in events if event not in failed],
        what="events whose handler did not raise",
    )
    must.equal(seen["done"], True, what="stop(timeout=9)")  # noqa: FBT003
    for name in names:
        due = [_as_told(letter) for letter in bad if letter[0] == name]
        got = [letter for letter in seen["letters"] if letter[0] == name]
        must.have_same_items(got, due, what="dead letters of one stream")
        must.equal(got, due, what="dead letters of one stream, in their order")
    must.equal(len(seen["letters"]), 12, what="dead letters")
    must.have_same_items(
        seen["heard"], [_as_told(letter) for letter in bad], what="calls of on_error"
    )
    must.equal(
        seen["same"], 12, what="exceptions given to on_error that are in a dead letter"
    )
    must.equal(
        _numbers(seen["stats"]), [84, 72, 12, 0, 0, 0], what=f"{_listed()}, at the end"
    )
    must.equal(
        {name: of[:2] for name, of in seen["stats"]["streams"].items()},
        {name: [24, 24.0] for name in names},
        what="count and total of each stream, of 28 events of which 4 failed",
    )
    must.equal(
        seen["kept"], 12, what="dead letters after the list that was given was cleared"
    )


def _must_be_told_in_time(seen):
    """on_error comes after the dead letter, and before the next event of the stream."""
    must.hold(
        False not in seen["written"],
        "on_error was called with an event, and dead_letters() did not have it yet.",
    )
    overtaking = len(seen["overtaking"])
    must.hold(
        not overtaking,
        "on_error had been called and not returned; meanwhile the handler was called for"
        f" {overtaking} later event{'s' * (overtaking != 1)} of the same stream.",
    )


def _as_told(letter):
    stream, seq, kind, text = letter
    return [stream, seq, kind, repr(text) if kind == "KeyError" else text]


@check("C5")
def test_there_is_a_beginning_and_an_end(submission):
    """Before start, after it, after stop; and arguments that make no sense."""
    for policy, seen in zip(
        _POLICIES, submission.call("life_cycle", policies=_POLICIES), strict=True
    ):
        before, between, after, stats = seen
        told = f"publish() with overflow={policy!r}"
        must.equal(before, "RuntimeError", what=f"{told}, before start()")
        must.equal(between, True, what=f"{told}, after start()")  # noqa: FBT003
        must.equal(after, "RuntimeError", what=f"{told}, after stop()")
        must.equal(stats["received"], 1, what=f"received, after one accepted {told}")
    cases = [
        *({"workers": n} for n in (0, -1)),
        *({"capacity": n} for n in (0, -1)),
        *({"overflow": text} for text in ("explode", "")),
    ]
    refused = submission.call("refusals", cases=cases)
    for case, error in zip(cases, refused, strict=True):
        told = ", ".join(f"{name}={value!r}" for name, value in case.items())
        must.hold(
            error == "ValueError",
            f"StreamProcessor(handler, {told}) raised {error or 'nothing'}; ValueError"
            " was expected.",
        )


@check("C6")
def test_stop_drains_or_drops(submission):
    """One event is held and 15 are queued, in three streams; both kinds of stop."""
    for drain in (True, False):
        with submission.fresh() as worker:
            _must_stop(worker, drain=drain)


def _must_stop(submission, *, drain):
    told = f"stop(drain={drain}) with 1 event in its handler and 15 queued"
    pending = submission.begin("stopping", drain=drain, waiting=5)
    stage = submission.stage
    stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    stage.open("more")
    stage.until(lambda s: s.count("stopping"), within_s=_READY_WITHIN_S)
    submission.settle(
        within_s=4 * _SETTLED_WITHIN_S
    )  # stop() has dropped the queue now
    early = stage.count("returned")
    stage.open("go")
    answer, stats = pending.result()
    must.hold(not early, f"{told} returned while the handler was still running.")
    must.equal(answer, True, what=told)  # noqa: FBT003
    handled = 16 if drain else 1
    begun = stage.count("handle", "enter")
    must.equal(begun, handled, what=f"{told}: events that were handled")
    names = [event.name for event in stage.log()]
    must.hold(
        "handle" not in names[names.index("returned") :],
        f"{told} returned, and a handler was running after that.",
    )
    must.equal(
        _numbers(stats),
        [16, handled, 0, 16 - handled, 0, 0],
        what=f"{told}: {_listed()} afterwards",
    )


@check("C7")
def test_whatever_a_handler_raises_the_worker_lives_on(submission, draw):
    """The only worker meets what is no Exception, and goes on each time."""
    kinds = ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "Alarm"]
    kinds.append("CancelledError")
    draw.shuffle(kinds)
    text = f"ash {draw.randrange(999)}"
    handled, stats, letters = submission.call("hard_failures", kinds=kinds, text=text)
    if stats is None:
        must.fail(
            f"A handler raised {kinds[min(len(handled), 4)]}; the next event, of another"
            " stream, had not been handled 3 s later."
        )
    must.equal(handled, [*range(5)], what="events handled after one that raised")
    must.equal(_numbers(stats), [10, 5, 5, 0, 0, 0], what=f"{_listed()}, at the end")
    must.equal(
        letters,
        [[n, kind, text] for n, kind in enumerate(kinds)],
        what="number, exception and text of the dead letters",
    )
