"""Correctness: futures, order, growing and shrinking, resources, and control."""

from racecourse.checks import Cause, check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_TASKS = 100
_BURST = 12


@check("C1")
def test_futures_are_futures(submission, draw):
    """A hundred tasks, some of which raise, and map in three ways."""
    items = [draw.randrange(1_000_000) for _ in range(_TASKS)]
    bad = sorted(draw.sample(range(_TASKS), 7))
    key, offset = draw.randrange(3, 999), draw.randrange(1, 999)
    seen = submission.call("many_futures", items=items, bad=bad, key=key, offset=offset)
    must.equal(seen["futures"], _TASKS, what="objects that are futures, of 100")
    wanted = [
        ["KeyError", str(item)] if n in bad else ["value", item * key + offset]
        for n, item in enumerate(items)
    ]
    for number, (got, due) in enumerate(zip(seen["outcomes"], wanted, strict=True)):
        must.equal(got, due, what=f"outcome of task {number}")
    must.equal(seen["as_completed"], _TASKS, what="futures from as_completed()")
    must.equal(seen["waited"], [_TASKS, 0], what="futures done and not done by wait()")
    must.hold(
        all("misses" in frames for frames in seen["frames"]),
        "The traceback of an exception does not show the function that raised it.",
    )
    must.equal(
        seen["named"],
        ["value", {"fn": key, "self": offset, "args": 1, "kwargs": 2}],
        what="submit(dict, fn=..., self=..., args=..., kwargs=...)",
    )
    _map_works(submission, draw)


def _map_works(submission, draw):
    first, second = draw.sample(range(1, 999), 8), draw.sample(range(999), 9)
    must.equal(
        submission.call("mapped", first=first, second=second),
        [[a, b] for a, b in zip(first, second, strict=False)],
        what="results of map(), whose first call ended last",
    )
    must.equal(
        submission.call("mapped_with_an_error", numbers=first, bad=first[5]),
        [first[:5], str(first[5])],
        what="results of map() before the call that raised, and what it raised",
    )


@check("C2")
def test_whatever_a_task_raises_the_worker_lives_on(submission, draw):
    """Every kind of exception is in the future, and the one worker takes the next."""
    kinds = [
        *("ValueError", "StopIteration", "SystemExit", "KeyboardInterrupt"),
        *("GeneratorExit", "CancelledError", "TimeoutError", "Alarm"),
    ]
    draw.shuffle(kinds)
    text, key = f"out of paper {draw.randrange(999)}", draw.randrange(3, 999)
    *rows, counts = submission.call("hard_failures", kinds=kinds, text=text, key=key)
    # A pool whose worker has died leaves a row where the counts would be.
    rows = rows if isinstance(counts[0], int) else [*rows, counts]
    for number, (kind, row) in enumerate(zip(kinds, rows, strict=False)):
        error, after = row
        must.equal(error, f"{kind}: {text}", what=f"exception of a task, {kind}")
        must.equal(after, ["value", number * key], what=f"next task after {kind}")
    must.equal(counts, [len(kinds), len(kinds)], what="completed and failed in stats()")


@check("C3")
def test_the_most_urgent_task_is_next(submission, draw):
    """One worker is held while tasks queue up; equal priorities keep their order."""
    priorities = [draw.randrange(-2, 3) for _ in range(14)]
    pending = submission.begin(
        "by_priority", priorities=priorities, mapped_priority=-1, urgent=-3
    )
    stage = submission.stage
    _wait_for(stage, lambda s: s.count("told"))
    stage.open("go")
    seen = pending.result()
    every = [*priorities, -1, -1]
    wanted = ["urgent", *sorted(range(len(every)), key=lambda n: every[n])]
    order = [event.data["number"] for event in stage.log("ran")]
    must.have_same_items(order, wanted, what="tasks that ran")
    if order != wanted:
        must.fail(
            f"{len(wanted)} tasks waited for one worker, and did not run in the order"
            " of their priorities, and among equals of their arrival:"
            f" {_inversion(order, wanted, every)}."
        )
    numbers = range(len(priorities))
    numbers_mapped = [len(priorities), len(priorities) + 1]
    must.equal(
        seen,
        [[["value", n] for n in numbers], numbers_mapped, ["value", "urgent"]],
        what="values of the tasks",
    )


def _inversion(order, wanted, priorities):
    """Say of the first wrong step what ran and what should have."""

    def told(number):
        if number == "urgent":
            return "priority -3, the last to be submitted"
        return f"priority {priorities[number]}, number {number + 1} to be submitted"

    steps = zip(order, wanted, strict=True)
    ran, due = next((told(a), told(b)) for a, b in steps if a != b)
    return f"a task ({ran}) ran before another one ({due})"


@check("C4")
def test_the_pool_grows_at_once_and_not_in_vain(submission):
    """As many tasks are inside as may be, and no more workers are started than that."""
    pending = submission.begin("growing", first=2, then=7, max_workers=4)
    stage = submission.stage
    _must_be_inside(submission, 2, "2 tasks were submitted to a pool of 1 to 4 workers")
    stage.open("more")
    _wait_for(stage, lambda s: s.count("told"))
    _must_be_inside(submission, 4, "7 tasks were submitted to a pool of 1 to 4 workers")
    submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("go")
    at_first, after_one, outcomes, peak = pending.result()
    must.equal(at_first["workers"], 1, what="workers at first, with min_workers=1")
    must.equal(
        after_one,
        1,
        what="peak_workers after a single task, for which a worker was idle",
    )
    must.equal(outcomes, [["value", n] for n in range(7)], what="values of the tasks")
    inside = stage.peak("task")
    must.equal(inside, 4, what="tasks at once in a pool of at most 4 workers")
    must.equal(peak, 4, what="peak_workers of a pool of at most 4 workers")
    met = submission.call("all_at_once", count=5)
    must.equal(
        met,
        [[["value", True]] * 5] * 2,
        what="whether 5 tasks met in a pool of 5 workers, twice",
    )


def _must_be_inside(submission, count, told):
    stage = submission.stage
    together = stage.until(
        lambda s: s.peak("task") >= count, within_s=_READY_WITHIN_S / 2
    )
    must.hold(
        together,
        f"{told}, and all of them blocked. {count} should have run at once, but only"
        f" {stage.peak('task')} did.",
    )


@check("C5")
def test_idle_workers_retire_and_come_again(submission):
    """From 5 workers to the minimum of 2, not too early; to none; and back to 5.

    Meanwhile, on a clock of ours, somebody must retire though a task comes now and then.
    """
    # The fewest runs: it is time that matters here, and no order.
    with submission.exploring("lull", runs=1):
        _must_shrink_and_grow_again(submission)


def _must_shrink_and_grow_again(submission):
    with submission.leaving_nothing():
        pending = submission.begin(
            "shrinking", min_workers=2, max_workers=5, idle_timeout=0.2
        )
        stage = submission.stage
        _must_be_inside(submission, 5, "5 tasks were submitted to a pool of 2 to 5")
        full = submission.worker.thread_count()
        stage.open("go")
        _wait_for(stage, lambda s: s.count("told"))
        few = _threads_in_the_end(submission, full - 3)
        stage.open("more")
        seen = pending.result()
    must.equal(
        seen["workers"],
        2,
        what="workers in stats(), 5 s after the last task, with min_workers=2 and"
        " idle_timeout=0.2",
    )
    must.equal(full - few, 3, what="threads that ended when 5 workers became 2")
    must.hold(
        seen["shrank_after_s"] >= 0.19,
        f"A worker retired {seen['shrank_after_s']:.3f} s after the last task; with"
        " idle_timeout=0.2 it should have stayed for 0.2 s.",
    )
    must.equal(seen["kept"], 2, what="workers that stayed, with min_workers=2")
    must.equal(
        seen["without_minimum"],
        0,
        what="workers after resize(0, 5), all of them idle for longer than idle_timeout",
    )
    must.equal(
        seen["again"],
        [["value", True]] * 5,
        what="whether 5 tasks met in the pool that had shrunk",
    )


def _threads_in_the_end(submission, wanted):
    """Return the number of threads once it is as wanted, or has had time to be."""
    for _ in range(8):
        submission.settle(within_s=_SETTLED_WITHIN_S)
        if submission.worker.thread_count() == wanted:
            break
    return submission.worker.thread_count()


@check("C6")
def test_each_worker_has_its_own_resource(submission, draw):
    """Made in the worker's thread, used again, closed once there: at either end."""
    workers = 3
    pending = submission.begin("resources", workers=workers, idle_timeout=0.1)
    stage = submission.stage
    _must_come_and_go(stage, workers)
    stage.open("more")
    pending.result()
    _must_fit_their_threads(stage, workers)
    for kind in ("OSError", "SystemExit"):
        _must_survive_its_factory(submission, kind, f"no printer {draw.randrange(999)}")
    must.equal(
        submission.call("without_resources"),
        [["value", None], "RuntimeError"],
        what="resource() without a factory, and outside a task",
    )


def _must_come_and_go(stage, workers):
    """Demand that each worker makes a resource, and that all but one retire."""
    _wait_for(stage, lambda s: s.count("made") >= workers)
    made = stage.count("made")
    must.hold(
        made >= workers,
        f"In a pool of 1 to {workers} workers {workers} tasks waited for each other. That"
        f" takes {workers} workers, each with a resource; resources made: {made}.",
    )
    _wait_for(stage, lambda s: s.count("closed") >= workers - 1)
    closed = stage.count("closed")
    must.hold(
        closed >= workers - 1,
        f"{made} resources had been made in a pool of 1 to {workers} workers with"
        f" idle_timeout=0.1. 5 s later all workers but one should have retired;"
        f" resources closed: {closed}.",
    )


def _must_survive_its_factory(submission, kind, text):
    first, *others = submission.call("failing_factory", kind=kind, text=text)
    must.equal(
        first, [kind, text], what=f"outcome of a task whose factory raised {kind}"
    )
    must.equal(
        others,
        [["value", 1], ["value", 1]],
        what=f"resource() in two tasks, when the factory no longer raised {kind}",
    )


def _must_fit_their_threads(stage, workers):
    """Demand that each resource stayed in its thread and was closed once."""
    made = {e.data["number"]: e.data["thread"] for e in stage.log("made")}
    closed = {e.data["number"]: e.data["thread"] for e in stage.log("closed")}
    users = [(e.data["number"], e.data["thread"]) for e in stage.log("used")]
    must.equal(stage.count("made"), workers, what="resources made for 3 workers")
    must.equal(len(users), 2 * workers, what="tasks that used a resource")
    must.equal(
        len({number for number, _ in users}),
        workers,
        what="different resources in 3 workers",
    )
    must.hold(
        all(made.get(number) == thread for number, thread in users),
        "A task got a resource that had been made in another thread than its own.",
    )
    must.equal(stage.count("closed"), workers, what="calls of close(), for 3 resources")
    must.hold(
        closed == made,
        "A resource was not closed in the thread in which it had been made.",
    )
    names = [event.name for event in stage.log() if event.name in {"closed", "told"}]
    must.hold(
        names[-1] == "told", "shutdown() returned before every resource was closed."
    )


@check("C7")
def test_a_full_queue_makes_submit_wait(submission):
    """2 workers and 2 places: the fifth task is refused, or waits until there is room."""
    pending = submission.begin("full_queue", max_workers=2, max_queue=2)
    stage = submission.stage
    _wait_for(stage, lambda s: s.count("submitting"))
    submission.settle(within_s=_SETTLED_WITHIN_S)
    early = stage.count("accepted")
    stage.open("go")
    refused, outcomes = pending.result()
    must.equal(
        refused,
        [4],
        what="with 2 workers and max_queue=2, places of the tasks, counted from 0, for"
        " which submit(block=False) raised queue.Full",
    )
    must.hold(
        not early,
        "submit() should have waited for room in a full queue, but it returned.",
    )
    must.hold(
        stage.count("accepted"),
        "There was room in the queue again, but a submit() that waited for it did not"
        " return.",
        cause=Cause.HANG,
    )
    must.equal(
        outcomes,
        [["value", n] for n in (0, 1, 2, 3, -1)],
        what="values of the accepted tasks",
    )
    must.equal(
        submission.call("burst", workers=_BURST),
        0,
        what=f"tasks, of {_BURST} that came at once to as many idle workers, for which"
        " submit(block=False) raised queue.Full with max_queue=1",
    )


@check("C8")
def test_waiting_tasks_can_be_cancelled_and_running_ones_not(submission):
    """Every other of 6 waiting tasks is cancelled, and the running one is asked."""
    pending = submission.begin("cancelling", waiting=6)
    stage = submission.stage
    _wait_for(stage, lambda s: s.count("told"))
    stage.open("go")
    seen = pending.result()
    must.equal(seen["answers"], [True] * 3, what="cancel() of 3 waiting tasks")
    must.equal(seen["was_running"], True, what="running() of the running task")  # noqa: FBT003
    must.equal(seen["running"], False, what="cancel() of the running task")  # noqa: FBT003
    must.equal(
        seen["values"],
        [["value", n] for n in (0, 1, 3, 5)],
        what="values of the tasks that were not cancelled",
    )
    ran = [event.data["number"] for event in stage.log("ran")]
    must.have_same_items(
        ran, [1, 3, 5], what="tasks that ran, of those that had waited"
    )
    must.equal(
        seen["ended"], 6, what="futures from as_completed(), 3 of them cancelled"
    )
    must.equal(seen["cancelled"], 3, what="cancelled in stats()")


@check("C9")
def test_resize_works_at_once_and_nonsense_is_refused(submission):
    """More workers for waiting tasks, a higher minimum, and down again."""
    pending = submission.begin("resized")
    stage = submission.stage
    _must_be_inside(submission, 1, "3 tasks were submitted to a pool of 1 worker")
    submission.settle(within_s=_SETTLED_WITHIN_S)
    stage.open("more")
    _must_be_inside(submission, 3, "3 tasks were in a pool after resize(1, 3)")
    stage.open("go")
    outcomes, raised, lowered, again = pending.result()
    must.equal(outcomes, [["value", n] for n in range(3)], what="values of the tasks")
    must.equal(raised, 5, what="workers after resize(5, 6)")
    must.equal(lowered, 2, what="workers after resize(2, 2), all of them idle")
    must.equal(
        again, [["value", n] for n in range(6)], what="values after resize(2, 2)"
    )
    must.hold(
        stage.peak("lowered") <= 2,
        f"{stage.peak('lowered')} tasks ran at once after resize(2, 2).",
    )
    _must_refuse_nonsense(submission)


def _must_refuse_nonsense(submission):
    sizes = [[-1, 2], [0, 0], [5, 3], [-2, -1]]
    pools = [{"min_workers": low, "max_workers": high} for low, high in sizes]
    pools += [{"idle_timeout": 0}, {"idle_timeout": -1.0}, {"max_queue": -1}]
    by_pool, by_resize = submission.call("refusals", pools=pools, sizes=sizes)
    for case, error in zip(pools, by_pool, strict=True):
        _must_be_refused(f"ThreadPool({_told(case)})", error)
    # Shorter if resize has left no two workers; its last row says so.
    for (low, high), (error, together, peak) in zip(sizes, by_resize, strict=False):
        call = f"resize({low}, {high})"
        _must_be_refused(call, error)
        must.hold(
            together == peak == 2,
            f"{call} raised ValueError in a pool of 1 to 2 workers, and should have changed"
            f" nothing. Of 3 tasks that came then {together} ran at once, and"
            f" peak_workers was {peak}; 2 was expected for both.",
        )


def _must_be_refused(call, error):
    must.hold(
        error == "ValueError",
        f"{call} raised {error or 'nothing'}; ValueError was expected.",
    )


def _told(case):
    return ", ".join(f"{name}={value!r}" for name, value in case.items())


def _wait_for(stage, seen):
    """Wait until the scenario has got somewhere; what it lacks, its result shows."""
    stage.until(seen, within_s=_READY_WITHIN_S)
