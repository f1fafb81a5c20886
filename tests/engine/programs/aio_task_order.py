"""Two ready tasks are taken to run in the order in which they were created."""

import asyncio


async def _run(*, wait: bool) -> None:
    ready = asyncio.Event()
    seen = []

    async def produce() -> None:
        await asyncio.sleep(0)
        seen.append(1)
        ready.set()

    async def consume() -> None:
        if wait:
            await ready.wait()
        else:
            await asyncio.sleep(0)
        assert seen == [1]

    await asyncio.gather(produce(), consume())


async def buggy() -> None:
    await _run(wait=False)


async def correct() -> None:
    await _run(wait=True)
