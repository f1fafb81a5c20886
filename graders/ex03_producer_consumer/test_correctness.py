"""Correctness: every item is consumed exactly once, whatever it is and whoever fails."""

import hashlib
import random

from racecourse.checks import check, must

_ODD_ITEMS = (
    *("None", "False", "0", "-1", "''", "'STOP'", "'DONE'", "'END'"),
    *("()", "[]", "{}", "Ellipsis"),
    *("ValueError('data')", "StopIteration()", "equal to everything"),
)
_BUILT_IN_ERRORS = (
    "ValueError",
    "KeyError",
    "StopIteration",
    "TimeoutError",
    "OSError",
)
_LARGE_BYTES = 1 << 20
_PAUSE_S = 1.6
_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5


@check("C1")
def test_threads_consume_every_item_exactly_once(submission, work):
    """Any number of producers and consumers: all items once, all counts exact."""
    _all_shapes_are_done(submission, work, "thread", [(1, 1), (1, 4), (3, 2), (2, 5)])
    _what_is_left_at_the_end_is_done(submission, "thread")


@check("C2")
def test_processes_consume_every_item_exactly_once(submission, work):
    """The same with processes: consume() runs in none but theirs."""
    _all_shapes_are_done(submission, work, "process", [(1, 1), (1, 4), (3, 2)])
    _what_is_left_at_the_end_is_done(submission, "process")
    pids = {event.pid for event in submission.stage.log("consume")}
    must.hold(
        submission.worker.pid not in pids,
        "With backend='process', consume() ran in the very process that had called"
        " run_pipeline; processes of their own were expected.",
    )


def _all_shapes_are_done(submission, work, backend, shapes):
    for producers, consumers in shapes:
        given = work(producers)
        size = {"consumers": consumers, "maxsize": producers}
        seen = submission.call("whole_run", **given.args, backend=backend, **size)
        run = f"producers={producers}, consumers={consumers}"
        given.must_be_done(seen, run=run)


def _what_is_left_at_the_end_is_done(submission, backend):
    """Hold the consumers until every producer has ended; the queue still has items."""
    pending = submission.begin(
        "watched_run",
        source={"each": 5},
        work={"hold": True},
        backend=backend,
        producers=2,
    )
    stage = submission.stage
    stage.until(lambda s: s.count("produced") == 10, within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("go")
    seen = pending.result()
    made = [event.data["item"] for event in stage.log("produced")]
    must.have_same_items(
        seen["results"],
        made,
        what="items that were still queued when the last producer ended, in results",
    )
    must.equal(seen["consumed"], 10, what="consumed, of 10 items")


@check("C3")
def test_any_value_is_an_item_and_a_result(submission, draw):
    """None, false values, exceptions and an object equal to everything are data."""
    names = [draw.sample(_ODD_ITEMS, len(_ODD_ITEMS)) for _ in range(2)]
    given = [name for each in names for name in each]
    for backend in ("thread", "process"):
        seen = submission.call("odd_run", names=names, backend=backend)
        must.have_same_items(seen["results"], given, what=f"{backend}, results")
        must.equal(seen["errors"], [], what=f"{backend}, errors")
        must.equal(seen["produced"], len(given), what=f"{backend}, produced")
        must.equal(seen["consumed"], len(given), what=f"{backend}, consumed")


@check("C4")
def test_a_pause_of_a_producer_is_not_its_end(backends, work):
    """Both producers pause in the middle for longer than any timeout one would guess."""
    given = work(producers=2, each=6)
    pending = {
        backend: worker.begin(
            "whole_run", **given.args, pause_s=_PAUSE_S, backend=backend
        )
        for backend, worker in backends.items()
    }
    for backend, call in pending.items():
        run = f"{backend}, producers pause for {_PAUSE_S:g} s"
        given.must_be_done(call.result(), run=run)


@check("C5")
def test_an_error_in_consume_is_recorded_and_the_consumer_goes_on(
    submission, work, draw
):
    """More items fail than there are consumers, and all 30 are accounted for."""
    given = work(producers=2, each=15)
    faults = _faults(draw, given, _BUILT_IN_ERRORS)
    seen = submission.call("faulty_run", **given.args, faults=faults, consumers=3)
    _must_account_for(seen, given, faults, run="thread")

    # Between processes, some errors and some results cannot be sent as they are.
    faults = _faults(draw, given, [*_BUILT_IN_ERRORS[1:], "TwoPartError"])
    lock = given.lists[0][1]
    seen = submission.call(
        "faulty_run",
        **given.args,
        faults=faults,
        unpicklable=[lock],
        backend="process",
        consumers=3,
    )
    _must_account_for(seen, given, faults, unpicklable=(lock,), run="process")


def _faults(draw, given, kinds):
    """Choose an item of the last producer for each kind of error, and its text."""
    bad = draw.sample(given.lists[-1], len(kinds))
    return [
        [item, kind, f"no {draw.randrange(1000)}: out of stock"]
        for item, kind in zip(bad, kinds, strict=True)
    ]


def _must_account_for(seen, given, faults, *, run, unpicklable=()):
    failed = [*unpicklable, *(item for item, _, _ in faults)]
    given.must_be_done(seen, run=run, failed=failed)
    texts = dict(map(tuple, seen["errors"]))
    for item, kind, text in faults:
        shown = repr(text) if kind == "KeyError" else text  # as str(KeyError) does
        must.equal(texts[item], f"{kind}: {shown}", what=f"{run}, text of an error")


@check("C6")
def test_an_error_in_produce_ends_that_producer_only(submission, work, draw):
    """One source raises after its items and one at once; the others' items all come."""
    for backend in ("thread", "process"):
        given = work(producers=4, each=6)
        given.lists[2].clear()
        late, early = (f"out of stock {draw.randrange(1000)}" for _ in range(2))
        seen = submission.call(
            "failing_sources",
            **given.args,
            late=[[1, late]],
            early=[[2, early]],
            backend=backend,
        )
        must.have_same_items(
            given.items_of(seen["results"]),
            given.items,
            what=f"{backend}, items in results",
        )
        must.have_same_items(
            [name for name, _ in seen["errors"]],
            ["producer 1", "producer 2"],
            what=f"{backend}, first parts of errors",
        )
        errors = dict(map(tuple, seen["errors"]))
        for name, text in (("producer 1", late), ("producer 2", early)):
            must.hold(
                text in str(errors[name]),
                f"{backend}: {name} raised with the text {text!r}; its entry in errors"
                f" reads {errors[name]!r}.",
            )
        must.equal(seen["produced"], len(given.items), what=f"{backend}, produced")
        must.equal(seen["consumed"], len(given.items), what=f"{backend}, consumed")


@check("C7")
def test_large_items_and_results_pass_between_processes(submission, draw):
    """Eight items and eight results of one mebibyte each."""
    seeds = draw.sample(range(1 << 30), 8)
    wanted = [
        hashlib.sha256(random.Random(seed).randbytes(_LARGE_BYTES)[::-1]).hexdigest()
        for seed in seeds
    ]
    seen = submission.call("large_run", seeds=seeds)
    must.have_same_items(seen["results"], wanted, what="digests of the results")
    must.equal(seen["errors"], [], what="errors")


@check("C8")
def test_bad_arguments_are_refused_and_empty_sources_are_fine(submission, work):
    """ValueError for counts and sizes below 1 and unknown backends; else no fuss."""
    for backend in ("thread", "process"):
        empty = work(producers=2)
        for items in empty.lists:
            items.clear()
        seen = submission.call("whole_run", **empty.args, backend=backend)
        empty.must_be_done(seen, run=f"{backend}, empty source")

    cases = [
        {name: value, "backend": backend}
        for name in ("producers", "consumers", "maxsize")
        for value in (0, -1)
        for backend in ("thread", "process")
    ]
    cases += [{"backend": "fibre"}, {"backend": ""}]
    errors = submission.call("refusals", cases=cases)
    for case, error in zip(cases, errors, strict=True):
        told = ", ".join(f"{name}={value!r}" for name, value in case.items())
        must.hold(
            error == "ValueError",
            f"run_pipeline({told}) raised {error or 'nothing'}; ValueError was"
            " expected.",
        )
