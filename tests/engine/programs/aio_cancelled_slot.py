"""A slot is not given back when its user is cancelled."""

import asyncio


class Pool:
    def __init__(self) -> None:
        self.free = 1

    async def use(self, *, in_finally: bool) -> None:
        self.free -= 1
        if in_finally:
            try:
                await asyncio.sleep(1)
            finally:
                self.free += 1
        else:
            await asyncio.sleep(1)
            self.free += 1
        await asyncio.sleep(1)


async def _run(*, in_finally: bool) -> None:
    pool = Pool()
    victim = asyncio.create_task(pool.use(in_finally=in_finally), name="victim")
    await asyncio.wait([victim])
    assert pool.free == 1


async def buggy() -> None:
    await _run(in_finally=False)


async def correct() -> None:
    await _run(in_finally=True)
