"""C1 to C8: states, order, failures, timeouts, wrong use, the end."""

import asyncio
import functools

from solution import TaskCancelled, TaskManager

from racecourse.sandbox import stage, virtual
from scenarios.shared import (
    LONG_S,
    SETTLE_S,
    Mishap,
    await_what_was_cancelled,
    ending_of,
    endings_of,
    settle,
    swallow,
    two_that_run_and_two_that_wait,
    work,
)


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

    async def how_it_ended(handle):
        try:
            return [handle.status, await handle.result()]
        except (TaskCancelled, asyncio.CancelledError) as error:
            taken = isinstance(error, asyncio.CancelledError)
            return [handle.status, "CancelledError" if taken else "TaskCancelled"]

    failing = manager.submit(fail, mishap)
    asking = asyncio.ensure_future(ask())
    good = [manager.submit(work, value) for value in values]
    manager.submit(fail, KeyError(text))  # nobody asks for these
    manager.submit(asyncio.sleep, LONG_S, timeout=1)
    called_off = manager.submit(fail_when_cancelled)
    asked = [await asking, await ask(), await ask()]
    called_off.cancel()
    interrupted = manager.submit(await_what_was_cancelled)
    await settle()
    afterwards = manager.submit(work, text)
    return {
        "asked": asked,
        "others": [await handle.result() for handle in [*good, afterwards]],
        "status": failing.status,
        "interrupted": await how_it_ended(interrupted),
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


def timeout_with_clean_up(limit_s, tidy_s):
    """Look at a task, and at those who wait for it, in the clean-up after its timeout."""
    return virtual.run(_timeout_with_clean_up(limit_s, tidy_s))


async def _timeout_with_clean_up(limit_s, tidy_s):
    manager = TaskManager(1)

    async def untidy():
        try:
            await asyncio.sleep(LONG_S)
        finally:
            await asyncio.sleep(tidy_s)

    handle = manager.submit(untidy, timeout=limit_s)
    waits = {"result()": ending_of(handle), "join()": manager.join()}
    waiting = {name: asyncio.ensure_future(wait) for name, wait in waits.items()}
    await asyncio.sleep(limit_s + tidy_s / 2)
    during = {"status": handle.status, "stats": manager.stats()}
    early = [name for name, wait in waiting.items() if wait.done()]
    return {"during": during, "early": early, "ending": await waiting["result()"]}


def timeout_that_is_swallowed(value):
    """Tell how a task ended that is told that its time is up, and returns a value."""
    return virtual.run(_timeout_that_is_swallowed(value))


async def _timeout_that_is_swallowed(value):
    manager = TaskManager(1)
    handle = manager.submit(swallow, value, timeout=1)
    endings = await endings_of([handle, handle])
    return {"endings": endings, "stats": manager.stats()}


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


def block_that_raises(text, story):
    """Leave `async with` by an exception while two tasks run and two wait."""
    return virtual.run(_block_that_raises(text, story), settle_s=2)


async def _block_that_raises(text, story):
    mishap = Mishap(text)
    caught = None
    try:
        async with TaskManager(2) as manager:
            handles = two_that_run_and_two_that_wait(manager, story)
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
    """Call shutdown() twice on one manager, with cancel=True on another, both on a third."""
    return virtual.run(_two_shutdowns(values, story), settle_s=2)


async def _two_shutdowns(values, story):
    patient, hasty = TaskManager(2), TaskManager(2)
    finished = [patient.submit(work, value) for value in values]
    await asyncio.gather(patient.shutdown(), patient.shutdown())
    at_once = [handle.status for handle in finished]
    called_off = two_that_run_and_two_that_wait(hasty, story)
    await settle()
    await hasty.shutdown(cancel=True)
    stage.note(story, what="over")
    return {
        "finished": at_once,
        "called off": [handle.status for handle in called_off],
        "endings": await endings_of(finished + called_off),
        "second thoughts": await _second_thoughts(f"{story}, then cancel"),
    }


async def _second_thoughts(story):
    """Call shutdown(cancel=True) while a shutdown() waits; return the statuses then."""
    manager = TaskManager(2)
    handles = two_that_run_and_two_that_wait(manager, story)
    waiting = asyncio.ensure_future(manager.shutdown())
    await settle()
    await manager.shutdown(cancel=True)
    stage.note(story, what="over")
    statuses = [handle.status for handle in handles]
    await waiting
    return statuses
