"""aiorwlock: a lock for reading and writing coroutines."""

import asyncio

import aiorwlock


async def nobody_writes_beside_a_writer():
    """The program of aio-libs/aiorwlock#235, with an assertion instead of prints."""
    lock = aiorwlock.RWLock(fast=True)
    writing = []

    async def work(name):
        async with lock.reader:
            await asyncio.sleep(5)
        async with lock.writer:
            writing.append(name)
            await asyncio.sleep(5)
            assert writing == [name]
            writing.remove(name)

    await asyncio.gather(work("one"), work("two"))


async def a_cancelled_writer_leaves_the_lock_usable():
    """The situation of aio-libs/aiorwlock#400."""
    lock = aiorwlock.RWLock()

    async def read():
        async with lock.reader:
            await asyncio.sleep(1)

    async def write():
        async with lock.writer:
            await asyncio.sleep(1)

    reader = asyncio.create_task(read())
    victim = asyncio.create_task(write(), name="victim")
    await asyncio.wait([reader, victim])
    async with lock.writer:
        pass


async def a_cancelled_reader_leaves_the_lock_usable():
    lock = aiorwlock.RWLock()

    async def read():
        async with lock.reader:
            await asyncio.sleep(1)

    async def write():
        async with lock.writer:
            await asyncio.sleep(1)

    writer = asyncio.create_task(write())
    victim = asyncio.create_task(read(), name="victim")
    await asyncio.wait([writer, victim])
    async with lock.writer:
        pass


async def a_writer_is_alone():
    lock = aiorwlock.RWLock()
    inside = {"reader": 0, "writer": 0}

    async def visit(kind, mine):
        async with mine:
            inside[kind] += 1
            assert inside["writer"] == 0 or inside == {"reader": 0, "writer": 1}
            await asyncio.sleep(0)
            inside[kind] -= 1

    await asyncio.gather(
        visit("reader", lock.reader),
        visit("writer", lock.writer),
        visit("reader", lock.reader),
        visit("writer", lock.writer),
    )
