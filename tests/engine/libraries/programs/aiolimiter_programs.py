"""aiolimiter: a leaky bucket; capacity for two at once, one more every five seconds."""

import asyncio

from aiolimiter.leakybucket import AsyncLimiter

TICK = 0.001  # the clock creeps while somebody can run


async def _acquire(limiter, amount, times):
    await limiter.acquire(amount)
    times.append(asyncio.get_running_loop().time())


async def three_tasks_share_the_rate():
    limiter, times = AsyncLimiter(2, 10), []
    start = asyncio.get_running_loop().time()
    await asyncio.gather(*[_acquire(limiter, 1, times) for _ in range(4)])
    waited = [time - start for time in sorted(times)]
    assert waited[1] < TICK
    assert abs(waited[2] - 5) < TICK
    assert abs(waited[3] - 10) < TICK


async def large_and_small_amounts_are_all_served():
    limiter, times = AsyncLimiter(2, 10), []
    start = asyncio.get_running_loop().time()
    await asyncio.gather(*[_acquire(limiter, amount, times) for amount in (1, 2, 1)])
    assert len(times) == 3
    assert max(times) - start < 10 + TICK


async def a_cancelled_waiter_does_not_hold_up_the_others():
    limiter, times = AsyncLimiter(1, 1), []
    victim = asyncio.create_task(_acquire(limiter, 1, times), name="victim")
    others = [asyncio.create_task(_acquire(limiter, 1, times)) for _ in range(2)]
    await asyncio.wait([victim, *others])
    assert len(times) >= 2
