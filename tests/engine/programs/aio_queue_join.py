"""A worker forgets `task_done` for one kind of item, and join waits for ever."""

import asyncio

KIND = "deadlock"


async def _run(*, always: bool) -> None:
    items = asyncio.Queue()
    for item in (1, None, 2):
        items.put_nowait(item)

    async def work() -> None:
        while True:
            item = await items.get()
            if item is not None or always:
                items.task_done()

    worker = asyncio.create_task(work())
    await items.join()
    worker.cancel()


async def buggy() -> None:
    await _run(always=False)


async def correct() -> None:
    await _run(always=True)
