"""Scenarios for cancellation: a call that is cancelled, and what is there afterwards."""

import asyncio
import contextlib

import aiohttp
from scenarios.scraping import pages_of
from solution import scrape

from racecourse.sandbox import lockstep

PATIENCE_S = 50.0  # after the cancellation; every call is over at once


def cancelled_call(urls, options, after_s):
    """Cancel a call that has its own session."""
    return lockstep.run(_cancelled(scrape(urls, **options), after_s))


def cancelled_call_with_a_session(urls, options, after_s, good_url):
    """Cancel a call that was given a session, and use the session afterwards."""
    return lockstep.run(_with_a_session(urls, options, after_s, good_url))


async def _with_a_session(urls, options, after_s, good_url):
    async with aiohttp.ClientSession() as session:
        call = scrape(urls, session=session, **options)
        seen = await _cancelled(call, after_s)
        async with session.get(good_url) as answer:
            return {**seen, "used": await answer.text()}


async def _cancelled(call, after_s):
    """Cancel after so many seconds; tell how and when it ended, and what it left."""
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(call)
    await asyncio.sleep(after_s)
    return await _cancel(task, before)


async def _cancel(task, before):
    loop = asyncio.get_running_loop()
    start_s, early = loop.time(), task.done()
    task.cancel()
    await asyncio.wait([task], timeout=PATIENCE_S)
    seen = {
        "early": early,
        "over": task.done(),
        "cancelled": task.cancelled(),
        "seconds": loop.time() - start_s,
        "left": len(asyncio.all_tasks() - before - {task}),
    }
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        task.exception()
    return seen


def cancelled_as_a_body_arrives(urls, options, ticks):
    """Cancel calls 0, 1, 2, ... iterations after the first body of theirs was read."""
    return lockstep.run(_cancelled_as_a_body_arrives(urls, options, ticks))


async def _cancelled_as_a_body_arrives(urls, options, ticks):
    return [await _cancelled_after_a_body(urls, options, tick) for tick in range(ticks)]


async def _cancelled_after_a_body(urls, options, ticks):
    before = asyncio.all_tasks()
    read = asyncio.Event()

    async def has_been_read(*_):
        read.set()

    trace = aiohttp.TraceConfig()
    trace.on_response_chunk_received.append(has_been_read)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        task = asyncio.ensure_future(scrape(urls, session=session, **options))
        # Who reads in another way hangs by then, and is cancelled all the same.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await read.wait()
        for _ in range(ticks):
            await asyncio.sleep(0)
        return await _cancel(task, before)


def timeout_around(urls, options, limit_s):
    """Put asyncio.timeout around a call; tell what came out of it, and when."""
    return lockstep.run(_timeout_around(urls, options, limit_s))


async def _timeout_around(urls, options, limit_s):
    loop = asyncio.get_running_loop()
    before, start_s = asyncio.all_tasks(), loop.time()
    guard = asyncio.ensure_future(_within(limit_s, urls, options))
    await asyncio.wait([guard], timeout=PATIENCE_S)
    return {
        "came": guard.result() if guard.done() else "nothing",
        "seconds": loop.time() - start_s,
        "left": len(asyncio.all_tasks() - before - {guard}),
    }


async def _within(limit_s, urls, options):
    try:
        async with asyncio.timeout(limit_s):
            await scrape(urls, **options)
    except TimeoutError:
        return "TimeoutError"
    return "pages"


def cancel_and_call_again(urls, options, after_s, ticks, good_url):
    """Cancel after so many seconds and loop iterations; then scrape a good URL."""
    return lockstep.run(_cancel_and_call_again(urls, options, after_s, ticks, good_url))


async def _cancel_and_call_again(urls, options, after_s, ticks, good_url):
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(scrape(urls, **options))
    if after_s:
        await asyncio.sleep(after_s)
    for _ in range(ticks):
        await asyncio.sleep(0)
    seen = await _cancel(task, before)
    await asyncio.sleep(PATIENCE_S)  # what still goes on shows at the server
    return {**seen, "again": await pages_of([good_url])}
