"""X1 to X4: those that are cancelled, and those that wait for them."""

import asyncio

from solution import TaskCancelled, TaskManager

from racecourse.sandbox import stage, virtual
from scenarios.shared import (
    LONG_S,
    Mishap,
    endings_of,
    settle,
    swallow,
    two_that_run_and_two_that_wait,
    work,
)

# Cancelling tasks: X1, X2.


def cancel_pending(values, priorities, chosen, story):
    """Cancel some of the tasks that wait behind one that holds the only slot."""
    return virtual.run(_cancel_pending(values, priorities, chosen, story))


async def _cancel_pending(values, priorities, chosen, story):
    manager = TaskManager(1)
    gate = asyncio.Event()

    def job(number):
        stage.note(story, task=number)
        return work(values[number])

    holder = manager.submit(gate.wait)
    await settle()
    handles = [manager.submit(job, n, priority=p) for n, p in enumerate(priorities)]
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
    cut_short = []

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
            try:
                await asyncio.sleep(2)
            except asyncio.CancelledError:
                cut_short.append("the clean-up")
                raise

    swallowing, failing = manager.submit(swallow, value), manager.submit(fail)
    timed_out = manager.submit(clean_up_for_long, timeout=1)
    await asyncio.sleep(2)  # in the middle of that clean-up
    handles = [swallowing, failing, timed_out]
    answers = [handle.cancel() for handle in handles]
    endings = await endings_of(handles)
    return {"answers": answers, "endings": endings, "cut short": bool(cut_short)}


# Cancelling those who wait: X3, X4.


def waiters_give_up(ticks, values, alone):
    """Cancel waiters of result() and join() after 0, 1, 2, ... iterations.

    Others wait all the time or, if those who give up are alone, begin after them.
    """
    return virtual.run(_waiters_give_up(ticks, values, alone))


async def _waiters_give_up(ticks, values, alone):
    manager = TaskManager(1)
    running, pending = (manager.submit(work, value, LONG_S) for value in values)

    def wait_to_the_end():
        asking = endings_of([running, pending], 10 * LONG_S)
        return asyncio.ensure_future(asking), asyncio.ensure_future(manager.join())

    if not alone:
        faithful, joiner = wait_to_the_end()
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
    if alone:
        faithful, joiner = wait_to_the_end()
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
                handles.extend(two_that_run_and_two_that_wait(manager, story))
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
