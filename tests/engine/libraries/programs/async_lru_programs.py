"""async_lru: a cache of coroutine calls in which calls at the same time share work."""

import asyncio

from async_lru import alru_cache


def _slow_square(**options):
    started = []

    @alru_cache(**options)
    async def square(number):
        started.append(number)
        await asyncio.sleep(1)
        return number * number

    return square, started


async def calls_at_the_same_time_share_the_work():
    square, started = _slow_square(maxsize=2)
    assert await asyncio.gather(*[square(3) for _ in range(3)]) == [9, 9, 9]
    assert started == [3]


async def one_caller_that_gives_up_does_not_disturb_the_other():
    square, started = _slow_square(maxsize=2)
    victim = asyncio.create_task(square(3), name="victim")
    other = asyncio.create_task(square(3))
    await asyncio.wait([victim, other])
    assert other.result() == 9
    assert len(started) <= 2


async def a_cache_may_be_cleared_while_calls_are_under_way():
    square, _ = _slow_square(maxsize=1, ttl=10)

    async def clear():
        await asyncio.sleep(1)
        square.cache_clear()

    results = await asyncio.gather(square(3), clear(), square(4))
    assert (results[0], results[2]) == (9, 16)
    assert await square(3) == 9
    await square.cache_close()
