"""Correctness: a profile that is right, and the slow program's answers."""

import json

from racecourse.checks import check, must

_MODULE = "scenarios.workloads"
_UNIT = 1_000_000  # loops: some 50 ms
_TRIES = 3
_NEAR = 0.15
_NEARLY = 0.9
_TWICE = 2  # who counts each call of the recursion is off by its depth
_RECURSION = {"depth": 12, "loops": _UNIT // 3}
_NAP_S = 0.02


@check("C1")
def test_three_threads_are_ranked_and_shared_out(submission):
    """alpha, beta and gamma work 6:3:1; a try that a busy machine bent is made again."""
    for _ in range(_TRIES):
        costs = dict(submission.call("shares", loops=_UNIT))
        if not (wrong := _wrong_shares(costs)):
            break
    else:
        must.fail(wrong)
    _must_have_callees_in_totals(costs)
    _must_count_a_recursion_once(submission.call("back_and_forth", **_RECURSION))
    inside_s, told_s, around_s = submission.call("slept", seconds=_NAP_S)
    must.hold(
        _NEARLY * inside_s <= told_s <= around_s / _NEARLY,
        f"A function slept for {inside_s:.3f} s, and profile_call returned after"
        f" {around_s:.3f} s; wall_seconds was {told_s:.3f}, which must lie between them.",
    )


def _wrong_shares(costs):
    """Say what is wrong with the self times of three threads, if something is."""
    wanted = {"alpha": 0.6, "beta": 0.3, "gamma": 0.1}
    seen = [(name.removeprefix(f"{_MODULE}."), cost[1]) for name, cost in costs.items()]
    seen = [(name, seconds) for name, seconds in seen if name in wanted]
    whole = sum(seconds for _, seconds in seen) or 1.0
    order = [name for name, _ in seen]
    shares = {name: seconds / whole for name, seconds in seen}
    near = all(
        abs(shares.get(name, 0) - share) <= _NEAR for name, share in wanted.items()
    )
    if order == list(wanted) and near:
        return ""
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return (
        "Three threads worked 6:3:1 in alpha, beta and gamma. The report has,"
        f" in its order: {told or 'none of them'}; expected were alpha 60%,"
        f" beta 30%, gamma 10%, each within {_NEAR:.0%}."
    )


def _total_s(costs, name):
    """Totals are compared with totals: those of a caller and of what it calls."""
    return costs.get(f"{_MODULE}.{name}", [0, 0, 0])[2]


def _must_have_callees_in_totals(costs):
    caller_s, alpha_s = _total_s(costs, "through"), _total_s(costs, "alpha")
    must.hold(
        caller_s >= _NEARLY * alpha_s,
        "A thread called alpha through a function `through`. The total_seconds of alpha"
        f" are {alpha_s:.2f}, those of `through` {caller_s:.2f}; the time of what it calls"
        " is part of its total.",
    )


def _must_count_a_recursion_once(costs):
    caller_s, ping_s = _total_s(costs, "through"), _total_s(costs, "ping")
    must.hold(
        ping_s <= _TWICE * caller_s,
        "`through` called ping once, and then ping and pong called each other"
        f" {_RECURSION['depth']} times. The total_seconds of ping are {ping_s:.3f}, those"
        f" of `through` {caller_s:.3f}; a call inside of a call of the same function is"
        " part of its time already.",
    )


@check("C2")
def test_calls_are_counted_exactly(submission, draw):
    """Plain calls, a recursion, four threads that call one function, and a run() of ours."""
    plain, depth = draw.randrange(3, 40), draw.randrange(5, 30)
    per_thread = draw.randrange(20, 200)
    seen = submission.call("counts", plain=plain, depth=depth, per_thread=per_thread)
    for name, calls in (
        ("dive", depth + 1),
        ("ticks", 5),
        ("tick", plain + 4 * per_thread + 1),
        ("run", 1),
    ):
        must.equal(seen.get(name), calls, what=f"calls of {name}()")


@check("C3")
def test_nothing_is_kept_and_nothing_is_left(submission, draw):
    """Value and exception come through; hooks and tracing are as they were."""
    value = draw.randrange(1000)
    seen = submission.call("passes_on", value=value)
    must.equal(seen["returned"], [value, value + 1], what="value of the profiled call")
    must.hold(
        seen["raised"] == "the same",
        f"The function raised an exception; out of profile_call came {seen['raised']}.",
    )
    must.hold(
        not seen["left"],
        f"After profile_call had ended, still switched on: {', '.join(seen['left'])}.",
    )
    must.hold(
        submission.call("keeps_tracing") is True,
        "tracemalloc was on before the call, and off afterwards.",
    )
    nested = submission.call("nested")
    must.equal(
        nested["raised"], "RuntimeError", what="exception of a profile inside a profile"
    )
    must.equal(
        nested["raised in a thread"],
        "RuntimeError",
        what="exception of a profile inside a profile, in a thread that was started",
    )
    must.equal(nested["afterwards"], None, what="value of the profile after that")
    for error in (False, True):
        must.equal(
            submission.call("outlived", error=error),
            ["None"],
            what="hook in a thread that outlived the profiled call"
            + ", which raised" * error,
        )


@check("C4")
def test_memory_is_the_peak_of_a_thread(submission, draw):
    """A worker thread holds some 60 MB for a moment, and has let go at the end."""
    mib = draw.randrange(40, 80)
    seen = submission.call("held_for_a_moment", mib=mib)
    must.be_within(
        seen, 0.7 * mib, 1.5 * mib, what=f"peak_memory_mb while a thread held {mib} MB"
    )
    seen = submission.call("held_earlier", mib=mib)
    must.be_within(
        seen,
        0,
        mib / 4,
        what=f"peak_memory_mb of a call that needs nothing, where {mib} MB were held"
        " before it, with tracemalloc on",
    )


# What each program waits in, whatever the machine does. Much else of `threading` does not
# wait, such as making a thread: to name that, far down in the list, is no mistake.
_JOIN = ("threading.Thread.join", "threading.Thread._wait_for_tstate_lock")
_WAITS = {
    "crunch": (*_JOIN, "time.sleep"),
    "digest": (*_JOIN, "queue.Queue.get", "threading.Condition.wait"),
    "climb": ("threading.Thread.join",),
}


@check("C5")
def test_the_bottleneck_works_and_does_not_wait(submission):
    """Three programs: in each of them one function works, and others wait."""
    for name, waits in _WAITS.items():
        seen = submission.call("planted", program=name, loops=5 * _UNIT)
        must.equal(seen["first"], [f"{_MODULE}.{name}"], what="bottlenecks(report, 1)")
        waiting = [each for each in seen["all"] if each in waits]
        must.hold(
            not waiting,
            f"bottlenecks(report, 99) names {', '.join(waiting)}, where nothing is done"
            " but waiting.",
        )


@check("C6")
def test_the_hot_line_is_found(submission):
    """Three functions, each with one line that costs more than all the others."""
    for name in ("sums", "sorts", "joins"):
        seen = submission.call("lines", function=name, size=2 * _UNIT)
        found, hot = seen["lines"], seen["hot"]
        must.hold(
            found and found[0][0] == hot,
            f"The expensive line of a function is {hot} lines below its `def`;"
            f" hot_lines put first: {found[0][0] if found else 'nothing'}.",
        )
        must.be_within(found[0][1], 0.5, 1.01, what="share of the expensive line")
        must.be_within(
            sum(share for _, share in found), 0.5, 1.01, what="sum of the shares"
        )
    shares = submission.call("shares_of_a_recursion", depth=20)
    must.be_within(
        sum(shares), 0, 1.01, what="sum of the shares in a function that calls itself"
    )


def _record(key, amount):
    return json.dumps({"key": key, "amount": amount}, ensure_ascii=False).encode()


_BROKEN = (
    *(b"", b"{", b"[]", b"7", b"\xff\xfe", b'{"key": "a"}', b'{"amount": 1}'),
    *(b'{"key": "a", "amount": true}', b'{"key": "a", "amount": 1.5}'),
    *(b'{"key": "a/b", "amount": 1}', b'{"key": "", "amount": 1}'),
    *(b'{"key": 3, "amount": 1}', b'{"key": "a", "amount": "1"}'),
)


def _data_sets(draw):
    """Yield a name, keys with amounts, and how many broken records lie among them."""

    def amounts(keys):
        return [(key, draw.randrange(-50, 1000)) for key in keys]

    names = [f"{draw.choice('abcdefgh')} {i}" for i in range(30)]
    yield "nothing", [], 0
    yield "distinct keys", amounts(names), 0
    yield "many duplicates", amounts(draw.choices("ABCDE", k=120)), 0
    yield "broken records", amounts(draw.choices("xyz", k=20)), len(_BROKEN)
    yield (
        "other scripts",
        amounts(["\u017dlu\u0165ou\u010dk\u00fd", "\u6771 1", "\u00c9"] * 5),
        0,
    )
    keys = ["bad 1", "Good", " good", "bad 2", "GOOD", "bad 1", "other.-_", "bad 1"]
    yield "look-ups that fail, and labels that fall together", amounts(keys), 3


def _expected(pairs, broken):
    totals = {}
    for key, amount in pairs:
        if not key.startswith("bad"):
            label = key.strip().lower()
            totals[label] = totals.get(label, 0) + amount
    failed = sum(key.startswith("bad") for key, _ in pairs)
    return {
        "records": len(pairs) - failed,
        "errors": failed + broken,
        "totals": totals,
        "keys": list(dict.fromkeys(key for key, _ in pairs)),
        "cancelled": False,
    }


@check("C7")
def test_the_answers_are_those_of_the_slow_program(submission, draw):
    """Six kinds of records, with one worker and with four."""
    for name, pairs, broken in _data_sets(draw):
        items = [_record(*pair) for pair in pairs]
        for each in draw.sample(_BROKEN, broken):
            items.insert(draw.randrange(len(items) + 1), each)
        texts = [item.decode("latin-1") for item in items]
        for workers in (1, 4):
            seen = submission.call("summed", texts=texts, workers=workers)
            for field, value in _expected(pairs, broken).items():
                must.equal(seen[field], value, what=f"{name}: {field}")
    must.equal(
        submission.call("refusal", workers=0),
        "ValueError",
        what="exception of workers=0",
    )
