"""Driver code for the task manager: every scenario is one story in virtual time.

The grader draws values, priorities and durations; a scenario hands them to a manager and
returns what came out. Where an order or a number at once matters, the jobs also report
to the stage, which costs no virtual time. Nothing here judges anything.

The scenarios stand in the order of the checks.
"""

import asyncio
import functools

from solution import TaskCancelled, TaskManager

from racecourse.sandbox import stage, virtual

SETTLE_S = 1.0  # longer than any manager needs to start what can start
LONG_S = 100.0  # longer than anything that is meant to end by itself


class Mishap(Exception):  # noqa: N818 - a story's word, not a library's
    """What jobs raise on purpose."""


async def work(value, seconds=1.0):
    """Be the ordinary job: take a while and return the value."""
    await asyncio.sleep(seconds)
    return value


async def settle():
    """Let everything happen that can happen now."""
    await asyncio.sleep(SETTLE_S)


async def ending_of(handle):
    """Tell how a task ended: its status, and what result() returned or raised."""
    try:
        outcome = await handle.result()
    except TaskCancelled as error:
        # As a subclass of CancelledError it would cancel whoever asks.
        taken = isinstance(error, asyncio.CancelledError)
        outcome = "CancelledError" if taken else "TaskCancelled"
    except (Mishap, TimeoutError) as error:
        outcome = type(error).__name__
    return [handle.status, outcome]


async def endings_of(handles, within_s=LONG_S):
    """Tell how each task ended; None stands for one that did not end in time."""
    asking = [asyncio.ensure_future(ending_of(handle)) for handle in handles]
    _, late = await asyncio.wait(asking, timeout=within_s)
    for ask in late:
        ask.cancel()
    return [None if ask in late else ask.result() for ask in asking]


async def statuses_at_end(handles, within_s=LONG_S):
    """Return the tasks' statuses once all have ended, or when the time is over."""
    statuses = [handle.status for handle in handles]
    while within_s > 0 and {"pending", "running"} & set(statuses):
        await settle()
        within_s -= SETTLE_S
        statuses = [handle.status for handle in handles]
    return statuses


def refusal(call, *args, **options):
    """Name the kind of error that a wrong call raises, or say that it was accepted."""
    try:
        call(*args, **options)
    except NotImplementedError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        kinds = (ValueError, TypeError, RuntimeError)
        return next(kind.__name__ for kind in kinds if isinstance(error, kind))
    return "accepted"


# States: C1.


def life_of_four_tasks(values, name, priority):
    """Return what status and stats() say at each stage of four tasks on two slots."""
    return virtual.run(_life_of_four_tasks(values, name, priority))


async def _life_of_four_tasks(values, name, priority):
    manager = TaskManager(2)
    gates = [asyncio.Event() for _ in values]
    handles, stages = [], []

    async def job(number):
        if number == 0:  # submits from inside, while both slots are busy
            await asyncio.sleep(SETTLE_S / 2)
            handles.append(manager.submit(job, 3))
        await gates[number].wait()
        return values[number]

    async def look():
        await settle()
        statuses = [handle.status for handle in handles]
        joined = joining.done()
        stages.append(
            {"statuses": statuses, "stats": manager.stats(), "joined": joined}
        )

    joining = asyncio.ensure_future(manager.join())  # of a manager with nothing to do
    await look()
    handles += [manager.submit(job, 0, name=name, priority=priority)]
    handles += [manager.submit(job, number) for number in (1, 2)]
    asking = [asyncio.ensure_future(ending_of(handle)) for handle in handles]
    joining = asyncio.ensure_future(manager.join())
    await look()
    for opened in (gates[:2], gates[2:]):
        for gate in opened:
            gate.set()
        await look()
    return {
        "stages": stages,
        "endings": [await ask for ask in asking],
        "asked again": await endings_of(handles),
        "attributes": [handles[0].name, handles[0].priority],
        "ids": len({handle.id for handle in handles}),
    }


def life_of_a_failing_task():
    """Return how a task ended that raised, and what stats() says then."""
    return virtual.run(_life_of_a_failing_task())


async def _life_of_a_failing_task():
    manager = TaskManager(1)

    async def fail():
        raise Mishap

    ending = await ending_of(manager.submit(fail))
    await settle()
    return {"ending": ending, "stats": manager.stats()}


# Order: C2, C3.


def starts_on_one_slot(priorities, apart_s, note):
    """Let tasks queue behind one that holds the only slot; each notes its start."""
    return virtual.run(_starts_on_one_slot(priorities, apart_s, note))


async def _starts_on_one_slot(priorities, apart_s, note):
    manager = TaskManager(1)
    gate = asyncio.Event()

    async def job(number):
        stage.note(note, task=number)
        await asyncio.sleep(1)
        return number

    manager.submit(gate.wait)
    await settle()
    handles = []
    for number, priority in enumerate(priorities):
        handles.append(manager.submit(job, number, priority=priority))
        if apart_s:
            await asyncio.sleep(apart_s)
    gate.set()
    return [await handle.result() for handle in handles]


def late_and_urgent(waiting, urgent):
    """Submit urgent tasks while others have waited long for one of two slots."""
    return virtual.run(_late_and_urgent(waiting, urgent))


async def _late_and_urgent(waiting, urgent):
    manager = TaskManager(2)
    gates = [asyncio.Event(), asyncio.Event()]

    async def job(number):
        stage.note("started", task=number)
        await asyncio.sleep(2 * SETTLE_S)

    holders = [manager.submit(gate.wait) for gate in gates]
    await settle()
    handles = [manager.submit(job, n, priority=p) for n, p in enumerate(waiting)]
    await settle()  # long enough to make up one's mind too early
    for number, priority in enumerate(urgent, start=len(waiting)):
        handles.append(manager.submit(job, number, priority=priority))
        for gate in gates:
            gate.set()
        await settle()  # the second one comes while both slots are busy again
    for handle in handles:
        await handle.result()
    return [await holder.result() for holder in holders]


# Things that cannot be compared: C4.


class Incomparable:
    """Cannot be compared or hashed, like an array; as a function, adds to its value."""

    __hash__ = None

    def __init__(self, value):
        self.value = value

    def _refuse(self, _):
        raise TypeError("these objects cannot be compared")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse

    async def __call__(self, other):  # noqa: D102 - the class says it
        return self.value + other.value


def sums_of_incomparables(values):
    """Hand over functions of every kind with equal priorities; return the sums."""
    return virtual.run(_sums_of_incomparables(values))


async def _sums_of_incomparables(values):
    manager = TaskManager(1)
    gate = asyncio.Event()

    async def add(one, other):
        return one.value + other.value

    def soon(one, other):  # returns an awaitable that is no coroutine
        future = asyncio.get_running_loop().create_future()
        future.set_result(one.value + other.value)
        return future

    items = [Incomparable(value) for value in values]
    one = items[0]
    manager.submit(gate.wait)
    await settle()
    handles = []
    for item in items:
        handles += [
            manager.submit(add, one, item),
            manager.submit(lambda item=item: add(one, item)),
            manager.submit(functools.partial(add, one), item),
            manager.submit(one, item),
            manager.submit(one.__call__, item),
            manager.submit(soon, one, item),
        ]
    gate.set()
    return [await handle.result() for handle in handles]


# Failures: C5.


def failures_among_others(values, text):
    """Let tasks fail beside others, asked for or not."""
    return virtual.run(_failures_among_others(values, text))


async def _failures_among_others(values, text):
    manager = TaskManager(20)  # a slot that gets lost is not the matter here
    mishap = Mishap(text)

    async def fail(error):
        await asyncio.sleep(1)
        raise error

    async def fail_when_cancelled():
        try:
            await asyncio.sleep(LONG_S)
        finally:
            raise Mishap

    async def ask():
        try:
            await failing.result()
        except Mishap as error:
            return [type(error).__name__, str(error), error is mishap]

    failing = manager.submit(fail, mishap)
    asking = asyncio.ensure_future(ask())
    good = [manager.submit(work, value) for value in values]
    manager.submit(fail, KeyError(text))  # nobody asks for these
    manager.submit(asyncio.sleep, LONG_S, timeout=1)
    called_off = manager.submit(fail_when_cancelled)
    asked = [await asking, await ask(), await ask()]
    called_off.cancel()
    await settle()
    afterwards = manager.submit(work, text)
    return {
        "asked": asked,
        "others": [await handle.result() for handle in [*good, afterwards]],
        "status": failing.status,
    }


# Timeouts: C6.


def timeouts(value, text, wait_s, limit_s):
    """Let tasks with timeouts wait `wait_s` for the only slot before they run."""
    return virtual.run(_timeouts(value, text, wait_s, limit_s))


async def _timeouts(value, text, wait_s, limit_s):
    ran_s, own = [], []

    async def endless():
        start = asyncio.get_running_loop().time()
        try:
            await asyncio.sleep(LONG_S)
        finally:
            ran_s.append(asyncio.get_running_loop().time() - start)

    async def fail():
        await asyncio.sleep(limit_s / 2)
        raise TimeoutError(text)

    def behind_another(*job, **options):  # each on a manager of its own
        manager = TaskManager(1)
        manager.submit(asyncio.sleep, wait_s)
        return manager.submit(*job, **options)

    patient = behind_another(work, value, limit_s / 2, timeout=limit_s)
    slow = behind_another(endless, timeout=limit_s)
    failing = [behind_another(fail, timeout=limit_s), behind_another(fail)]
    handles = [patient, slow, *failing]
    endings = await endings_of(handles)
    for handle in failing:
        try:
            await handle.result()
        except TimeoutError as error:
            own.append(str(error))
    return {
        "endings": endings,
        "asked again": await endings_of(handles),
        "ran_s": ran_s,
        "own": own,
    }


# Wrong use: C7.


def wrong_use(values, negative):
    """Use a manager wrongly in every way that the contract names."""
    sizes = [refusal(TaskManager, size) for size in (0, negative)]
    manager = TaskManager(max_concurrent=1)  # before any loop runs
    seen = virtual.run(_wrong_use(manager, values, negative))
    if seen["value"]:
        seen["value"]["sizes"] = sizes
    return seen


async def _wrong_use(manager, values, negative):
    calls = []

    def called(number):
        calls.append(number)
        return work(values[number])

    gate = asyncio.Event()
    manager.submit(gate.wait)
    await settle()
    no_function = work(0)
    refused = {
        "timeout=0": refusal(manager.submit, work, 0, timeout=0),
        "a negative timeout": refusal(manager.submit, work, 0, timeout=negative),
        "fn=None": refusal(manager.submit, None),
        "a coroutine as fn": refusal(manager.submit, no_function),
    }
    no_function.close()
    handles = [manager.submit(called, number) for number in range(len(values))]
    handles[1].cancel()
    await settle()
    before = list(calls)
    closing = asyncio.ensure_future(manager.shutdown())
    await settle()
    refused["submit during shutdown()"] = refusal(manager.submit, work, 0)
    gate.set()
    await closing
    refused["submit after shutdown()"] = refusal(manager.submit, work, 0)
    return {
        "refused": refused,
        "called before the start": before,
        "kept": await endings_of([handles[0], handles[2]]),
        "counted": sum(manager.stats().values()),
    }


# The end: C8.


def block_that_ends(values):
    """Leave `async with` while tasks still run and wait."""
    return virtual.run(_block_that_ends(values), settle_s=2)


async def _block_that_ends(values):
    async with TaskManager(2) as manager:
        handles = [manager.submit(work, value) for value in values]
    statuses = [handle.status for handle in handles]
    late = refusal(manager.submit, work, 0)
    await manager.shutdown()
    await manager.shutdown(cancel=True)
    return {
        "statuses": statuses,
        "late": late,
        "endings": await endings_of(handles),
    }


async def tidy(story, what):
    """Run until cancelled, take half a second to clean up, and say so."""
    try:
        await asyncio.sleep(LONG_S)
    finally:
        await asyncio.sleep(0.5)
        stage.note(story, what=what)


def _two_that_run_and_two_that_wait(manager, story):
    return [
        *(manager.submit(tidy, story, "cleaned up") for _ in range(2)),
        *(manager.submit(tidy, story, "started after all") for _ in range(2)),
    ]


def block_that_raises(text, story):
    """Leave `async with` by an exception while two tasks run and two wait."""
    return virtual.run(_block_that_raises(text, story), settle_s=2)


async def _block_that_raises(text, story):
    mishap = Mishap(text)
    caught = None
    try:
        async with TaskManager(2) as manager:
            handles = _two_that_run_and_two_that_wait(manager, story)
            asking = asyncio.ensure_future(endings_of(handles))
            await settle()
            raise mishap
    except Mishap as error:
        caught = error
        stage.note(story, what="over")
    return {
        "same": caught is mishap,
        "statuses": [handle.status for handle in handles],
        "endings": await asking,
    }


def two_shutdowns(values, story):
    """Call shutdown() twice at once on one manager, shutdown(cancel=True) on another."""
    return virtual.run(_two_shutdowns(values, story), settle_s=2)


async def _two_shutdowns(values, story):
    patient, hasty = TaskManager(2), TaskManager(2)
    finished = [patient.submit(work, value) for value in values]
    await asyncio.gather(patient.shutdown(), patient.shutdown())
    at_once = [handle.status for handle in finished]
    called_off = _two_that_run_and_two_that_wait(hasty, story)
    await settle()
    await hasty.shutdown(cancel=True)
    stage.note(story, what="over")
    return {
        "finished": at_once,
        "called off": [handle.status for handle in called_off],
        "endings": await endings_of(finished + called_off),
    }


# Slots: R1, R2, R3.


def crowd(limit, tasks):
    """Run many tasks that end in every way there is; return how each ended."""
    return virtual.run(_crowd(limit, tasks))


async def _crowd(limit, tasks):
    manager = TaskManager(limit)
    loop = asyncio.get_running_loop()
    handles = {}

    def call_off(number):
        handles[number].cancel()
        handles[number].cancel()

    async def job(number, kind, seconds, tidy_s):
        with stage.inside("running", task=number):
            if kind == "cancel":
                loop.call_later(seconds, call_off, number)
            try:
                await asyncio.sleep(seconds if kind in {"ok", "error"} else LONG_S)
                if kind == "error":
                    raise Mishap
                return number
            finally:
                await asyncio.sleep(tidy_s)

    def submit(number, task):
        timeout = task["seconds"] if task["kind"] == "timeout" else None
        handles[number] = manager.submit(
            job, number, *task.values(), priority=number % 3, timeout=timeout
        )
        if task["kind"] == "cancel at once":
            call_off(number)

    for number, task in enumerate(tasks):
        submit(number, task)
        if number % 10 == 9:
            await asyncio.sleep(2)
    return await statuses_at_end(handles.values(), 20 * LONG_S)


def slots_after_trouble(limit, kinds, meeting):
    """End tasks badly, one for each kind; then see how many can still meet."""
    return virtual.run(_slots_after_trouble(limit, kinds, meeting))


async def _slots_after_trouble(limit, kinds, meeting):
    manager = TaskManager(limit)
    loop = asyncio.get_running_loop()

    async def fail():
        raise Mishap

    def submit(kind):
        match kind:
            case "failure":
                return manager.submit(fail)
            case "timeout":
                return manager.submit(asyncio.sleep, LONG_S, timeout=1)
        handle = manager.submit(asyncio.sleep, LONG_S)
        if kind == "cancelled while running":
            loop.call_later(10, handle.cancel)
        else:
            handle.cancel()
        return handle

    handles = [submit(kind) for kind in kinds]
    troubled = await statuses_at_end(handles, 10 * LONG_S)
    met = await _meet(manager, limit, meeting)
    return {"troubled": troubled, "met": met}


async def _meet(manager, limit, name):
    """Return how many of a few tasks too many were in time for a meeting of `limit`."""
    here = 0
    complete = asyncio.Event()

    async def join_in():
        nonlocal here
        with stage.inside(name):
            here += 1
            if here == limit:
                complete.set()
            await asyncio.wait_for(complete.wait(), 10)
            await asyncio.sleep(1)

    return await statuses_at_end([manager.submit(join_in) for _ in range(limit + 2)])


def cancel_at_each_tick(ticks, queued):
    """Cancel a task after 0, 1, 2, ... iterations of the loop, on a new manager each."""
    return virtual.run(_cancel_at_each_tick(ticks, queued))


async def _cancel_at_each_tick(ticks, queued):
    seen = []
    for tick in range(ticks):
        stage.note("cancelling", tick=tick)
        seen.append(await _cancel_after(tick, queued))
    return seen


async def _cancel_after(ticks, queued):
    manager = TaskManager(2)
    answers = []
    answered = asyncio.Event()

    async def brief(steps):
        for _ in range(steps):
            await asyncio.sleep(0)

    async def live():
        try:
            await brief(3)
        finally:
            await brief(2)

    def cancel():
        answers.append(victim.cancel())
        answered.set()

    for _ in range(2 if queued else 0):
        manager.submit(brief, 3)
    victim = manager.submit(live)
    others = [manager.submit(work, number) for number in range(3)]
    asyncio.get_running_loop().at_iteration(ticks, cancel)
    await answered.wait()
    statuses = await statuses_at_end([victim, *others])
    met = await _meet(manager, 2, f"tick {ticks}, queued {queued}")
    return {
        "answer": answers[0],
        "victim": statuses[0],
        "others": statuses[1:],
        "met": met,
        "stats": manager.stats(),
    }


# Speed: S1, S2, S3.


def makespan(limit, durations, name):
    """Run tasks of these durations; return the virtual seconds from first to last."""
    return virtual.run(_makespan(limit, durations, name))


async def _makespan(limit, durations, name):
    manager = TaskManager(limit)
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def job(number):
        with stage.inside(name, task=number):
            await asyncio.sleep(durations[number])
        return number

    handles = [manager.submit(job, number) for number in range(len(durations))]
    results = [await handle.result() for handle in handles]
    return {"seconds": loop.time() - start, "results": results}


def one_long_sleep(limit, waiting, seconds, value):
    """Let one task sleep while others wait, and while all its waiters wait."""
    return virtual.run(
        _one_long_sleep(limit, waiting, seconds, value), iteration_limit=5000
    )


async def _one_long_sleep(limit, waiting, seconds, value):
    manager = TaskManager(limit)
    sleeper = manager.submit(work, value, seconds)
    for _ in range(waiting):
        manager.submit(work, value, 0)
    result, _ = await asyncio.gather(sleeper.result(), manager.join())
    return result


def many_waiting(limit, count, value):
    """Submit very many tasks; return how many asyncio tasks there were at most."""
    return virtual.run(_many_waiting(limit, count, value))


async def _many_waiting(limit, count, value):
    manager = TaskManager(limit)
    gate = asyncio.Event()
    before = len(asyncio.all_tasks())
    most = 0

    def look():
        nonlocal most
        most = max(most, len(asyncio.all_tasks()) - before)

    async def job(number):
        await gate.wait()
        if number % 500 == 0:
            look()
        return number + value

    handles = [manager.submit(job, number) for number in range(count)]
    look()
    await settle()
    look()
    gate.set()
    total = 0
    for handle in handles:
        total += await handle.result()
    return {"most": most, "total": total}


# Cancelling tasks: X1, X2.


def cancel_pending(values, chosen):
    """Cancel some of the tasks that wait behind one that holds the only slot."""
    return virtual.run(_cancel_pending(values, chosen))


async def _cancel_pending(values, chosen):
    manager = TaskManager(1)
    gate = asyncio.Event()

    def job(number):
        stage.note("called", task=number)
        return work(values[number])

    holder = manager.submit(gate.wait)
    await settle()
    handles = [manager.submit(job, number) for number in range(len(values))]
    waiting = asyncio.ensure_future(endings_of(handles))
    await settle()
    answers = [handles[number].cancel() for number in chosen]
    await settle()
    gate.set()
    endings = await waiting
    return {
        "answers": answers,
        "endings": endings,
        "asked again": await endings_of(handles),
        "too late": [handle.cancel() for handle in [holder, *handles]],
        "stats": manager.stats(),
    }


def cancel_running(tidy_s, again_s, limit_s, story):
    """Cancel a task whose clean-up takes a while, with another behind it."""
    return virtual.run(_cancel_running(tidy_s, again_s, limit_s, story))


async def _cancel_running(tidy_s, again_s, limit_s, story):
    manager = TaskManager(1)
    loop = asyncio.get_running_loop()
    times = {}

    def mark(what):
        stage.note(story, what=what)
        times[what] = loop.time()

    async def victim_job():
        try:
            await asyncio.sleep(LONG_S)
        except asyncio.CancelledError:
            mark("interrupted")
            raise
        finally:
            await asyncio.sleep(tidy_s)
            mark("cleaned up")

    async def next_job():
        mark("next started")

    victim = manager.submit(victim_job, timeout=limit_s)
    follower = manager.submit(next_job)
    await settle()
    start = loop.time()
    answer = victim.cancel()
    await asyncio.sleep(again_s)
    during = victim.status
    if limit_s is None:
        victim.cancel()
    endings = await endings_of([victim, follower])
    return {
        "answer": answer,
        "during": during,
        "endings": endings,
        "reused_s": times["next started"] - start,
        "too late": victim.cancel(),
    }


def cancel_the_stubborn(value):
    """Cancel tasks that swallow it, that fail in their clean-up, or that time out."""
    return virtual.run(_cancel_the_stubborn(value))


async def _cancel_the_stubborn(value):
    manager = TaskManager(3)

    async def swallow():
        try:
            await asyncio.sleep(LONG_S)
        except asyncio.CancelledError:
            await asyncio.sleep(0.5)
        return value

    async def fail():
        try:
            await asyncio.sleep(LONG_S)
        finally:
            await asyncio.sleep(0.5)
            raise Mishap

    async def clean_up_for_long():
        try:
            await asyncio.sleep(LONG_S)
        finally:
            await asyncio.sleep(2)

    swallowing, failing = manager.submit(swallow), manager.submit(fail)
    timed_out = manager.submit(clean_up_for_long, timeout=1)
    await asyncio.sleep(2)  # in the middle of that clean-up
    handles = [swallowing, failing, timed_out]
    answers = [handle.cancel() for handle in handles]
    endings = await endings_of(handles)
    return {"answers": answers, "endings": endings, "stats": manager.stats()}


# Cancelling those who wait: X3, X4.


def waiters_give_up(ticks, values):
    """Cancel waiters of result() and join() after 0, 1, 2, ... iterations."""
    return virtual.run(_waiters_give_up(ticks, values))


async def _waiters_give_up(ticks, values):
    manager = TaskManager(1)
    running, pending = (manager.submit(work, value, LONG_S) for value in values)
    faithful = asyncio.ensure_future(endings_of([running, pending], 10 * LONG_S))
    joiner = asyncio.ensure_future(manager.join())
    await settle()
    gave_up = []
    for tick in range(ticks):
        waits = running.result(), pending.result(), manager.join()
        waiters = [asyncio.ensure_future(wait) for wait in waits]
        for _ in range(tick):
            await asyncio.sleep(0)
        for waiter in waiters:
            waiter.cancel()
        await asyncio.wait(waiters, timeout=1)
        gave_up.append([waiter.cancelled() for waiter in waiters])
    with_timeout = []
    for wait in (running.result(), pending.result(), manager.join()):
        try:
            with_timeout.append(await asyncio.wait_for(wait, 1))
        except (TimeoutError, TaskCancelled) as error:
            with_timeout.append(type(error).__name__)
    statuses = [running.status, pending.status]
    return {
        "gave up": gave_up,
        "with wait_for": with_timeout,
        "statuses": statuses,
        "faithful": await faithful,
        "asked again": await endings_of([running, pending]),
        "joined": [await joiner, await manager.join()],
    }


def cancel_the_block(moments_s, body_s, story):
    """Cancel, from outside, whoever is inside `async with`, at one or more moments."""
    return virtual.run(_cancel_the_block(moments_s, body_s, story), settle_s=2)


async def _cancel_the_block(moments_s, body_s, story):
    loop = asyncio.get_running_loop()
    handles = []

    async def body():
        try:
            async with TaskManager(2) as manager:
                handles.extend(_two_that_run_and_two_that_wait(manager, story))
                await asyncio.sleep(body_s)
        finally:
            stage.note(story, what="over")
            statuses.extend(handle.status for handle in handles)

    statuses = []
    outer = asyncio.ensure_future(body())
    for moment_s in moments_s:
        loop.call_later(moment_s, outer.cancel)
    await asyncio.wait([outer], timeout=LONG_S / 2)
    return {
        "over": outer.done(),
        "cancelled": outer.cancelled(),
        "statuses": statuses,
    }
