"""Two coroutines take two locks in opposite orders."""

import asyncio

KIND = "deadlock"


async def _run(*, ordered: bool) -> None:
    first, second = asyncio.Lock(), asyncio.Lock()

    async def work(outer: asyncio.Lock, inner: asyncio.Lock) -> None:
        async with outer:
            await asyncio.sleep(0)
            async with inner:
                pass

    other = (first, second) if ordered else (second, first)
    await asyncio.gather(work(first, second), work(*other))


async def buggy() -> None:
    await _run(ordered=False)


async def correct() -> None:
    await _run(ordered=True)
