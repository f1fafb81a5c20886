"""Correctness: every outcome in its place, the right choices, and honest seconds."""

import sys

from racecourse.checks import NotMeasurable, Raised, check, must

_EXECUTORS = ("thread", "process")
_CALLS = (*_EXECUTORS, "all")
_READY_WITHIN_S = 8.0
_RESULT_WITHIN_S = 25.0

_HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
_UNPICKLABLE = ("lambda", "closure", "lock", "stubborn")
_WHY = {
    "lambda": "a lambda",
    "closure": "a function inside a function",
    "lock": "a lock among its arguments",
    "stubborn": "an argument that refuses to be pickled",
}

_SAMPLE_S = 0.03
_SAMPLES = 6
_RIGHT = 4  # who tosses a coin is right so often by luck, for both, once in 256 times
_HARDLY = {"thread": 0.05, "process": 0.1}  # of CPU time; of time beside it
_UNDISTURBED = 1.5

_NAP_S = 0.05
_LONG_NAP_S = 0.6
_AT_HOME = {3: "lambda", 4: "lock"}  # which tasks of a comparison cannot be pickled
_CLOCKS_AGREE = 0.98  # two clocks of one machine, and roundings


@check("C1")
def test_outcomes_are_in_the_order_of_the_tasks(
    submission, work, must_succeed, demands, draw
):
    """The first wave of tasks ends from the last to the first; all outcomes are right."""
    stage = submission.stage
    for executor in _EXECUTORS:
        for workers in (1, 3):
            given, name = work(2 * workers + 1), f"{executor} {workers}"
            gates = [f"{name} {place}" for place in range(len(given.values))]
            returned, begun = stage.count("returned"), stage.count("task", "enter")
            pending = submission.begin(
                "run",
                how=executor,
                tasks=given.tasks(*({"gate": gate} for gate in gates)),
                max_workers=workers,
            )
            _open_from_the_last(stage, gates, workers, returned)
            what = f"{demands.call(executor)} with max_workers={workers}"
            must_succeed(pending.result(), given, what=what, executor=executor)
            here = {
                event.pid == submission.worker.pid
                for event in stage.log("task", "enter")[begun:]
            }
            must.hold(
                here == {executor == "thread"},
                f"{what}: tasks ran in"
                f" {'other processes' if executor == 'thread' else 'the very process'}"
                f"{'' if executor == 'thread' else ' that had called it'}.",
            )
        numbers = [draw.choices(range(1000), k=count) for count in (0, 1, 3)]
        must.equal(
            submission.call("totals", how=executor, numbers=numbers, max_workers=2),
            [sum(each) for each in numbers],
            what=f"{demands.call(executor)}: values of tasks with 0, 1 and 3 arguments",
        )


def _open_from_the_last(stage, gates, workers, returned):
    stage.until(
        lambda s: (
            sum(map(s.waiting, gates)) >= workers or s.count("returned") > returned
        ),
        within_s=_READY_WITHIN_S,
    )
    for gate in reversed(gates):
        held = stage.waiting(gate)
        ended = stage.count("task", "leave")
        stage.open(gate)
        if held:
            stage.until(
                lambda s, ended=ended: s.count("task", "leave") > ended,
                within_s=_READY_WITHIN_S,
            )


@check("C2")
def test_exceptions_become_outcomes(submission, work, demands, draw):
    """Four of eight tasks raise; the type and the text are kept, and so are the others.

    In both executors one of them raises a TimeoutError of its own, which has nothing to do
    with the timeout of the call.
    """
    for how in _CALLS:
        given, errors = work(8), {}
        for first in (0, 1):
            plain, own = draw.sample(range(first, 6, 2), 2)
            kind = draw.choice(["ValueError", "LookupError", "OutOfStockError"])
            errors[plain] = (kind, f"no {draw.randrange(1000)} in stock")
            errors[own] = ("TimeoutError", f"no answer from {draw.randrange(1000)}")
        kinds = ["cpu", "io"] * 4
        tasks = given.tasks(*({"kind": kind} for kind in kinds))
        for place, error in errors.items():
            tasks[place]["error"] = error
        call = demands.call(how)
        try:
            outcomes = submission.call("run", how=how, tasks=tasks, max_workers=2)
        except Raised as raised:
            if raised.type not in {kind for kind, _ in errors.values()}:
                raise
            must.fail(
                f"{call}: a task raised {raised.type}, and it came out of the call; an"
                " Outcome with this error was expected, and the others beside it."
            )
        demands.in_order(outcomes, given, what=call)
        for place, outcome in enumerate(outcomes):
            what = f"{call}: outcome {place + 1} of 8, four of which raise"
            ran_in = how if how != "all" else None
            if place in errors:
                demands.error(outcome, *errors[place], what=what)
                must.hold(
                    ran_in is None or outcome["executor"] == ran_in,
                    f"{what}: executor is {outcome['executor']!r}, but it ran in a"
                    f" {ran_in}.",
                )
            else:
                demands.value(outcome, given.answers[place], what=what, executor=ran_in)


@check("C3")
def test_the_kind_decides_unless_pickling_forbids(submission, work, must_succeed):
    """Computing to processes, waiting to threads; to threads whatever cannot be pickled."""
    cases = [
        ("work", "cpu", {"process"} if _HAS_GIL else {"process", "thread"}),
        ("work", "io", {"thread"}),
        *((fn, kind, {"thread"}) for fn in _UNPICKLABLE for kind in ("cpu", "io")),
    ]
    given = work(len(cases))
    tasks = given.tasks(*({"fn": fn, "kind": kind} for fn, kind, _ in cases))
    choices = submission.call("chosen", tasks=tasks)
    started = submission.stage.count("task", "enter")
    for (fn, kind, right), choice in zip(cases, choices, strict=True):
        told = f" with {_WHY[fn]}" if fn in _WHY else ""
        must.hold(
            choice in right,
            f"choose_executor chose {choice!r} for a task of the kind {kind!r}{told};"
            f" {' or '.join(map(repr, sorted(right)))} was expected.",
        )
    must.equal(started, 0, what="tasks run by choose_executor though kind was given")

    given = work(len(_UNPICKLABLE) + 1)
    tasks = given.tasks(*({"fn": fn} for fn in _UNPICKLABLE), kind="cpu")
    outcomes = submission.call("run", how="all", tasks=tasks, max_workers=2)
    what = "process_all with tasks that cannot be pickled, and one that can"
    must_succeed(outcomes, given, what=what)
    for fn, outcome in zip(_UNPICKLABLE, outcomes, strict=False):
        must.equal(
            outcome["executor"], "thread", what=f"{what}: executor for {_WHY[fn]}"
        )


@check("C4")
def test_a_sample_tells_computing_from_waiting(submission, work):
    """30 ms of CPU time, then 30 ms of sleep, by functions that look the same.

    Every choice counts that was made in the clear: when the whole call took hardly longer
    than its task was computing, or used hardly any CPU time while it slept. Then any rule
    that compares the two must be right. A wrong one made while the machine had no
    processor to spare is asked for again, with another function. Where that never ends,
    and the submission did not look at the clocks that forgive it, nobody could tell.
    """
    # Drawn values name the functions, so that neither is always the computing one.
    with submission.fresh(rewrite="scenarios.clocks:install") as other:
        fns = [f"errand_{n}" for n in range(2 * _SAMPLES)]
        first = work(1).values[0] % 2
        _must_choose(other, work, fns[first::2], "thread", nap_s=_SAMPLE_S)
        if _HAS_GIL:
            _must_choose(other, work, fns[1 - first :: 2], "process", burn_s=_SAMPLE_S)


def _must_choose(submission, work, fns, right, **how):
    """Ask for one function after the other, until enough choices were right."""
    stage, fair, were_right = submission.stage, False, 0
    does = "sleeps" if right == "thread" else "computes"
    told = (
        f"A task of the kind 'auto' {does} for {1000 * _SAMPLE_S:g} ms; {right!r} was"
        " expected, and choose_executor chose"
    )
    for asked, fn in enumerate(fns, 1):
        before = stage.count("sampled")
        (task,) = work(1).tasks(fn=fn, **how)
        seen = submission.call("sampled", task=task)
        if seen["choice"] == right:
            were_right += 1
            if were_right == _RIGHT:
                return
            continue
        beside_s = seen["cpu_s"] if right == "thread" else seen["wall_s"] - _SAMPLE_S
        clear = beside_s < _HARDLY[right] * _SAMPLE_S
        must.hold(
            not clear,
            f"{told} {seen['choice']!r} for function {asked} of {len(fns)} that do so.",
        )
        samples = stage.log("sampled")[before:]
        # Who runs no sample, or looks at our clocks around it, is not misled by a load.
        fair = fair or not samples or seen["looks"] > 0
        fair = fair or min(s.data["stretched"] for s in samples) < _UNDISTURBED
    if were_right:
        return
    if not fair:
        raise NotMeasurable("the machine was too busy for a sample of 30 ms")
    must.fail(f"{told} {seen['choice']!r}, {len(fns)} times out of {len(fns)}.")


@check("C5")
def test_the_comparison_is_honest(submission, work, demands, draw):
    """Both executors really ran all they could, and the seconds cover these runs."""
    _must_compare(submission, demands, work(6), workers=3, nap_s=_NAP_S)
    # One nap for all: processes that do not sleep have started and ended by then. An
    # error there is an outcome of that run, too.
    errors = {draw.randrange(3): ("ValueError", f"no {draw.randrange(1000)} in stock")}
    _must_compare(
        submission,
        demands,
        work(5),
        errors,
        workers=5,
        nap_s=_LONG_NAP_S,
        at_home=True,
    )
    given = work(3)
    tasks = given.tasks(fn="lambda")
    seen = submission.call("compared", tasks=tasks, max_workers=2)
    what = "compare, when no task can be pickled"
    must.equal(seen["process_seconds"], None, what=f"{what}: process_seconds")
    must.equal(seen["faster"], "thread", what=f"{what}: faster")
    for outcome, answer in zip(seen["outcomes"], given.answers, strict=True):
        demands.value(outcome, answer, what=what, executor="thread")


def _must_compare(submission, demands, given, errors=(), *, workers, **nap):
    """The fourth and the fifth of the tasks cannot be sent to a process."""
    stage, home = submission.stage, submission.worker.pid
    begun = len(stage.log())
    apart = [{"fn": _AT_HOME.get(place, "work")} for place in range(len(given.values))]
    tasks = given.tasks(*apart, **nap)
    for place in errors:
        tasks[place]["error"] = errors[place]
    seen = submission.call("compared", tasks=tasks, max_workers=workers)
    log = stage.log()[begun:]
    values = [v for place, v in enumerate(given.values) if place not in _AT_HOME]
    runs = {
        "thread": [e for e in log if e.name == "task" and e.pid == home],
        "process": [e for e in log if e.name == "task" and e.pid != home],
    }
    for executor, due in (("thread", given.values), ("process", values)):
        ran = [e.data["value"] for e in runs[executor] if e.kind == "enter"]
        must.have_same_items(ran, due, what=f"compare: tasks that ran in a {executor}")
    earlier, later = sorted(runs.values(), key=lambda run: run[0].at_ns)
    must.hold(
        earlier[-1].at_ns < later[0].at_ns,
        "compare: the two runs were under way at the same time; one after the other was"
        " expected.",
    )
    _must_be_true(seen, runs, log)
    _must_be_of_the_faster(seen, given, errors, demands)


def _must_be_true(seen, runs, log):
    """By the supervisor's clock: no run shorter than its tasks, nor both than the call."""
    called, returned = (
        next(event.at_ns for event in log if event.name == name)
        for name in ("called", "returned")
    )
    outer_s = (returned - called) / 1e9
    for executor, run in runs.items():
        seconds, span_s = (
            seen[f"{executor}_seconds"],
            (run[-1].at_ns - run[0].at_ns) / 1e9,
        )
        must.be_within(seconds, 0.0, 3600.0, what=f"compare: {executor}_seconds")
        must.hold(
            seconds >= _CLOCKS_AGREE * span_s,
            f"compare: from the start of the first task in a {executor} to the end of the"
            f" last one it took {span_s:.3f} s; {executor}_seconds was {seconds:.3f}.",
        )
    both_s = seen["thread_seconds"] + seen["process_seconds"]
    must.hold(
        both_s <= outer_s / _CLOCKS_AGREE + 0.01,
        f"compare as a whole took {outer_s:.3f} s; its two times together were"
        f" {both_s:.3f}.",
    )


def _must_be_of_the_faster(seen, given, errors, demands):
    times = [seen[f"{executor}_seconds"] for executor in _EXECUTORS]
    right = {e for e, s in zip(_EXECUTORS, times, strict=True) if s == min(times)}
    told = f"compare: {times[0]:.3f} s by threads and {times[1]:.3f} s by processes"
    must.hold(seen["faster"] in right, f"{told}; faster was {seen['faster']!r}.")
    demands.in_order(seen["outcomes"], given, what="compare")
    for place, outcome in enumerate(seen["outcomes"]):
        what = f"{told}; outcome {place + 1}"
        executor = "thread" if place in _AT_HOME else seen["faster"]
        if place in _AT_HOME:
            what += f", of a task with {_WHY[_AT_HOME[place]]}, which cannot be pickled"
        if place not in errors:
            demands.value(outcome, given.answers[place], what=what, executor=executor)
            continue
        what += ", of a task that raises"
        demands.error(outcome, *errors[place], what=what)
        must.equal(outcome["executor"], executor, what=f"{what}: executor")


@check("C6")
def test_every_task_is_run_once(submission, work, demands):
    """Of all kinds; a sample is a run too. By the stage's log, not by what it tells."""
    given = work(14)
    kinds = [*(["cpu"] * 3), *(["io"] * 3), *(["auto"] * 8)]
    error = ("OutOfStockError", "none left")
    tasks = given.tasks(*({"kind": kind} for kind in kinds))
    tasks[9]["error"] = error
    tasks[13]["fn"] = "lambda"  # a sample, if there is one, must not hide it
    outcomes = submission.call("run", how="all", tasks=tasks, max_workers=3)
    log = submission.stage.log("task", "enter")
    must.have_same_items(
        [event.data["value"] for event in log],
        given.values,
        what="process_all: runs of 14 tasks, 8 of them of the kind 'auto'",
    )
    demands.in_order(outcomes, given, what="process_all")
    here = {event.data["value"]: event.pid == submission.worker.pid for event in log}
    for place, outcome in enumerate(outcomes):
        value, kind = given.values[place], kinds[place]
        what = f"process_all: outcome {place + 1}, of the kind {kind!r}"
        if place == 9:
            demands.error(outcome, *error, what=what)
        else:
            demands.value(outcome, given.answers[place], what=what)
        must.equal(
            outcome["executor"],
            "thread" if here[value] else "process",
            what=f"{what}, which ran in"
            f" {'the very process' if here[value] else 'another process'}: executor",
        )
        due = {"io": {"thread"}, "cpu": {"process"}}.get(kind, set(_EXECUTORS))
        must.hold(
            outcome["executor"] in due or not _HAS_GIL,
            f"{what}: it ran in a {outcome['executor']}.",
        )


@check("C7")
def test_what_cannot_travel_harms_nobody_else(submission, work, demands):
    """Errors that break on the way back, values that do, and the neighbours of both."""
    cases = [
        {},
        {"error": ("TwoPartError", "two parts")},
        {"gives": "lock"},
        {},
        {"error": ("LockedError", "locked up")},
        {"gives": "one way"},
        {},
        {"fn": "lambda"},
        {},
    ]
    for how in ("process", "all"):
        given, call = work(len(cases)), demands.call(how)
        pending = submission.begin(
            "run", how=how, tasks=given.tasks(*cases, kind="cpu"), max_workers=2
        )
        outcomes = pending.result(within_s=_RESULT_WITHIN_S)
        demands.in_order(outcomes, given, what=call)
        for place, (case, outcome) in enumerate(zip(cases, outcomes, strict=True)):
            what = f"{call}: outcome {place + 1} of {len(cases)}"
            if not case or (how == "all" and "fn" in case):
                beside = "beside tasks whose errors and values cannot be pickled"
                demands.value(outcome, given.answers[place], what=f"{what}, {beside}")
                continue
            must.hold(
                outcome["ok"] is False and outcome["error"] is not None,
                f"{what}: {_told(case)}; ok is {outcome['ok']!r}, an error was expected.",
            )
            if "error" in case:
                _must_name(outcome, case["error"][0], what=what)
            if "fn" in case:
                must.equal(
                    outcome["executor"],
                    None,
                    what=f"{what}, which cannot be sent to a process: executor",
                )


def _told(case):
    if "fn" in case:
        return "the task cannot be sent to a process"
    return "what the task gives cannot be sent back"


def _must_name(outcome, kind, *, what):
    must.hold(
        kind in outcome["text"] or kind in outcome["kinds"],
        f"{what}: the task raised {kind}, which cannot be sent back as it is; nothing in"
        f" the error {outcome['error']} says {kind}.",
    )


@check("C8")
def test_bad_arguments_are_refused_and_no_task_is_fine(submission, work):
    """ValueError before anything starts; no task at all is an ordinary amount."""
    twice = work(3).tasks(kind="io")
    twice[2]["name"] = twice[0]["name"]
    good = work(3).tasks(kind="io")
    cases = [
        *(
            (*_FIRST[name], good, {"max_workers": n})
            for name in _FIRST
            for n in (0, -1)
        ),
        *((*_FIRST[name], twice, {}) for name in _FIRST),
        *(("run_with", [executor], good, {}) for executor in ("fibre", "", "Thread")),
    ]
    plain = [
        [name, tasks, {"first": first, **more}] for name, first, tasks, more in cases
    ]
    with submission.leaving_nothing():
        errors = submission.call("refusals", cases=plain)
    for (name, first, tasks, more), error in zip(cases, errors, strict=True):
        told = [*map(repr, first), "tasks", *(f"{k}={v}" for k, v in more.items())]
        with_names = " with two tasks of one name" if tasks is twice else ""
        must.hold(
            error == "ValueError",
            f"{name}({', '.join(told)}){with_names} raised {error or 'nothing'};"
            " ValueError was expected.",
        )
    started = submission.stage.count("task", "enter")
    must.equal(started, 0, what="tasks that were started before the ValueError")
    names = ('run_with("thread")', 'run_with("process")', "process_all", "compare")
    for name, outcomes in zip(names, submission.call("empty"), strict=True):
        must.equal(outcomes, [], what=f"{name} without a task: outcomes")


_FIRST = {
    "threads": ("run_with", ["thread"]),
    "processes": ("run_with", ["process"]),
    "compare": ("compare", []),
    "process_all": ("process_all", []),
}
