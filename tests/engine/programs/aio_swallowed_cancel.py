"""A retry loop takes its own cancellation for one more failure."""

import asyncio


async def _run(*, let_through: bool) -> None:
    async def fetch() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                if let_through:
                    raise
            except OSError:
                continue

    victim = asyncio.create_task(fetch(), name="victim")
    start = asyncio.get_running_loop().time()
    await asyncio.wait([victim])
    elapsed = asyncio.get_running_loop().time() - start
    assert victim.cancelled() or elapsed > 2.5


async def buggy() -> None:
    await _run(let_through=False)


async def correct() -> None:
    await _run(let_through=True)
