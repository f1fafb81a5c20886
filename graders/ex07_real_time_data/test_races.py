"""Races: pictures that do not add up, lost counts, and events lost between publish and stop.

Each scenario runs once for every place in the submission at which a thread can be held:
between a read and the write that follows, or between a test and what it decides. Meanwhile
the orders of threads of a small program are explored under a scheduler of ours.
"""

from racecourse.checks import check, must

_LOOKS = 2000
_RUNS = 300
_STALLS = {"visits": (1, 2, 3), "within_s": 8.0}
_DIFFERENT, _HELD_S = 6, 0.004  # events of a publisher; how long a handler waits
_READY_WITHIN_S = 5.0
_UNIT = 2.0**20  # bases are multiples of it; the bits of 5000 events stay below
_BITS = 8  # they come again and again, in this order
_NUMBERS = ("received", "handled", "failed", "dropped", "queued", "in_flight")


@check("R1")
def test_every_picture_adds_up(submission, draw):
    """2000 looks under load; then looks whenever a thread is held, and all orders."""
    streams = _drawn_streams(submission, draw)
    seen = submission.call(
        "many_pictures", streams=streams, each=5000, looks=_LOOKS, within_s=8.0
    )
    must.equal(seen["done"], True, what="stop(timeout=5)")  # noqa: FBT003
    _must_be_true(seen["pictures"], streams)
    most = max(stats["queued"] for _, stats in seen["pictures"])
    # A race lets in one event too many for each publisher. More than that is the affair
    # of C3: a queue without a bound, or with another one.
    few = most <= 5 + len(streams) and _is_bounded(submission)
    capacity = 2 if few else None
    with _exploring("pictures", submission, streams):
        for policy, limit in (("block", 36), ("drop_oldest", 16)):
            args = {"streams": streams, "each": 3, "overflow": policy}
            for stalled in submission.stalls(
                "pictures", **_STALLS, limit=limit, **args
            ):
                with stalled.told():
                    seen = stalled.call(**args)
                    must.equal(seen["done"], True, what="stop(timeout=5)")  # noqa: FBT003
                    _must_be_true(
                        seen["pictures"], streams, capacity=capacity, exact=True
                    )


def _exploring(program, submission, streams):
    """Explore the orders of a program whose events fail, if failures are drawn too."""
    programs = [program] if any(name.startswith("bad") for name in streams) else []
    return submission.exploring(*programs, runs=_RUNS)


def _drawn_streams(submission, draw):
    """Draw four streams and a base for their values; the events of two streams fail.

    None does if a failure alone is too much: that is the affair of C4.
    """
    names = [f"good {n}" for n in draw.sample(range(999), 4)]
    with submission.fresh() as worker:
        probe = {"streams": [["bad", 1.0]], "each": 3, "sizes": [1, 3]}
        if worker.call("totals", **probe)["stats"]["failed"] == 3:
            names[2:] = [f"bad {name}" for name in names[2:]]
    return {name: draw.randrange(1, 40) * _UNIT for name in names}


def _is_bounded(submission):
    """Look whether three of six events are dropped when nobody races: C3's affair."""
    with submission.fresh() as worker:
        args = {"overflow": "drop_oldest", "filling": [*"abc"], "extra": [*"def"]}
        pending = worker.begin("full_queue", timeout=0.1, **args)
        worker.stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
        worker.stage.open("go")
        return pending.result()["at_full"]["queued"] == 3


def _must_be_true(pictures, streams, *, capacity=None, exact=False):
    for due, stats in pictures:
        _must_add_up(due, stats)
        must.hold(
            capacity is None or stats["queued"] <= capacity,
            f"stats() said queued {stats['queued']}, with capacity={capacity}.",
        )
        for name, of in stats["streams"].items():
            _must_belong_together(of, streams[name], exact=exact)


def _must_add_up(due, stats):
    for name in _NUMBERS:
        must.hold(
            type(stats[name]) is int,
            f"stats() said {name} {stats[name]!r}, which is no whole number.",
        )
    rest = [stats[name] for name in _NUMBERS[1:]]
    told = " + ".join(f"{name} {stats[name]}" for name in _NUMBERS[1:])
    must.hold(
        stats["received"] == sum(rest),
        f"stats() said received {stats['received']}; {told} is {sum(rest)}.",
    )
    must.hold(min(rest) >= 0, f"A number of stats() was below zero: {told}.")
    must.hold(
        stats["received"] >= due,
        f"publish() had accepted {due} events; stats() said received"
        f" {stats['received']} after that.",
    )
    counts = sum(of[0] for of in stats["streams"].values())
    must.hold(
        counts == stats["handled"],
        f"stats() said handled {stats['handled']}; the counts of its streams add up to"
        f" {counts}.",
    )


def _must_belong_together(of, base, *, exact):
    """Each value is the base and one bit: the total tells how many there were, and which.

    Args:
        of: Count, total, minimum and maximum.
        base: The base of the values.
        exact: Whether no bit comes twice.
    """
    count, total, low, high = of
    if count == 0:
        return
    fits = None not in (total, low, high) and base < low <= high
    bits = total - count * base if fits else 0.0
    fits = 0 < bits < _UNIT
    if fits and exact:
        there = [2.0**n for n in range(_BITS) if int(bits) >> n & 1]
        fits = of == _after(base, there)
    must.hold(
        fits,
        "stats() gave a count, total, minimum and maximum of a stream that do not belong"
        f" together: {count}, {total}, {low} and {high}.",
    )


def _after(base, bits):
    """What must be known of a stream after events with these bits."""
    return [len(bits), len(bits) * base + sum(bits), base + min(bits), base + max(bits)]


@check("R2")
def test_every_total_is_exact(submission, draw):
    """Eight publishers share four streams, of which two fail; then, with stalls, six.

    Before that the grader itself counts which events reach a handler, and how often.
    """
    _must_all_be_handled(submission, draw)
    streams = [*_drawn_streams(submission, draw).items()] * 2
    args = {"sizes": [4, 8], "each": 150, "pause_s": 0.0, "within_s": 8.0}
    _must_be_exact(submission.call("totals", streams=streams, **args), streams)
    args = {"streams": streams[2:], "sizes": [2, 2], "each": 2}
    with _exploring("totals", submission, dict(streams)):
        for stalled in submission.stalls("totals", **_STALLS, limit=44, **args):
            with stalled.told():
                _must_be_exact(stalled.call(**args), streams[2:])


def _must_all_be_handled(submission, draw):
    """Each event comes twice, and its handler asks us; we hold the answer for a while."""
    streams = [f"stream {n}" for n in draw.sample(range(999), 3)]
    events = [f"{stream}:{n}" for stream in streams for n in range(_DIFFERENT)]
    stage = submission.stage
    for event in events:
        stage.keep(event, 0, hold_s=_HELD_S)
    args = {"streams": streams, "each": _DIFFERENT, "sizes": [4, 8]}
    accepted = submission.call("seen_from_outside", **args)
    must.equal(accepted, 2 * len(events), what=f"{2 * len(events)} events; accepted")
    for event in events:
        times = stage.count(event, "read")
        must.hold(
            times == 2,
            "Three threads published events, each of them twice; the handler was called"
            f" {times} time{'s' * (times != 1)} for one that publish() had accepted"
            " twice.",
        )


def _must_be_exact(seen, streams):
    published = seen["published"]
    due = sum(published)
    told = f"{len(streams)} threads published {due} events"
    must.equal(seen["accepted"], published, what=f"{told}; each of them had accepted")
    must.equal(seen["done"], True, what=f"{told}; stop(timeout=5)")  # noqa: FBT003
    bits = {}
    for (name, _), count in zip(streams, published, strict=True):
        bits.setdefault(name, []).extend(2.0 ** (n % _BITS) for n in range(count))
    failed = sum(len(bits[name]) for name in bits if name.startswith("bad"))
    must.equal(
        [seen["stats"][name] for name in _NUMBERS],
        [due, due - failed, failed, 0, 0, 0],
        what=f"{told}; {', '.join(_NUMBERS)}",
    )
    must.equal(seen["letters"], failed, what=f"{told}; dead letters")
    known = {name: of for name, of in seen["stats"]["streams"].items() if of[0]}
    for name, base in dict(streams).items():
        if not name.startswith("bad"):
            must.equal(
                known.pop(name, None),
                _after(base, bits[name]),
                what=f"{told}; count, total, minimum and maximum of a stream",
            )
    must.hold(not known, f"{told}; stats() had {len(known)} streams too many.")


@check("R3")
def test_a_publish_that_meets_a_stop_loses_nothing(submission):
    """Two threads publish while a third one stops the processor."""
    with submission.exploring("closing", runs=_RUNS):
        for policy, drain, limit in (("block", True, 40), ("drop_oldest", False, 32)):
            args = {"publishers": 2, "each": 4, "overflow": policy, "drain": drain}
            for stalled in submission.stalls("closing", **_STALLS, limit=limit, **args):
                with stalled.told():
                    _must_lose_nothing(stalled.call(**args), drain=drain)


def _must_lose_nothing(seen, *, drain):
    must.equal(seen["done"], True, what=f"stop(drain={drain}, timeout=5)")  # noqa: FBT003
    late = seen["late"]
    must.hold(
        not late,
        f"stop() had returned, and then {late} event{'s were' if late > 1 else ' was'}"
        " handled.",
    )
    stats = seen["stats"]
    ended = stats["handled"] + stats["failed"] + stats["dropped"]
    must.hold(
        ended == seen["accepted"],
        f"publish() accepted {seen['accepted']} events and stop() has returned;"
        f" handled {stats['handled']} + failed {stats['failed']} + dropped"
        f" {stats['dropped']} is {ended}, queued is {stats['queued']}.",
    )
    must.equal(
        [stats["received"], stats["handled"], stats["queued"], stats["in_flight"]],
        [seen["accepted"], seen["handled"], 0, 0],
        what="received, handled, queued and in_flight after stop()",
    )
