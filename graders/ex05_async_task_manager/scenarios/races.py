"""R1 to R3: slots."""

import asyncio

from solution import TaskManager

from racecourse.sandbox import stage, virtual
from scenarios.shared import (
    LONG_S,
    Mishap,
    await_what_was_cancelled,
    settle,
    statuses_at_end,
    swallow,
    work,
)


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
            case "CancelledError of its own":
                return manager.submit(await_what_was_cancelled)
            case "swallowed timeout":
                return manager.submit(swallow, LONG_S, timeout=1)
        handle = manager.submit(asyncio.sleep, LONG_S)
        if kind == "cancelled while running":
            loop.call_later(10, handle.cancel)
        else:
            handle.cancel()
        return handle

    handles = [submit(kind) for kind in kinds]
    troubled = await statuses_at_end(handles, 10 * LONG_S)
    await settle()  # the last of them may have ended in this very tick
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
    meeting = f"tick {ticks}, queued {queued}"
    return await _aftermath(manager, victim, others, answers, meeting)


def cancel_oneself(meeting):
    """Let a task cancel itself after its last await, so that no CancelledError comes."""
    return virtual.run(_cancel_oneself(meeting))


async def _cancel_oneself(meeting):
    manager = TaskManager(2)
    answers = []

    async def live():
        await asyncio.sleep(0)
        answers.append(victim.cancel())

    victim = manager.submit(live)
    others = [manager.submit(work, number) for number in range(3)]
    return await _aftermath(manager, victim, others, answers, meeting)


async def _aftermath(manager, victim, others, answers, meeting):
    """Tell what became of a task that was cancelled, of the others, and of the slots."""
    statuses = await statuses_at_end([victim, *others])
    met = await _meet(manager, 2, meeting)
    return {
        "answer": answers[0] if answers else None,
        "victim": statuses[0],
        "others": statuses[1:],
        "met": met,
        "stats": manager.stats(),
    }
