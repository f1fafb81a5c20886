"""S1 to S3: makespan, waiting, and what a waiting task costs."""

import asyncio

from solution import TaskManager

from racecourse.sandbox import stage, virtual
from scenarios.shared import settle, work


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
