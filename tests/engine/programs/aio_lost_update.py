"""A value is read before an await and written back after it."""

import asyncio


class Account:
    def __init__(self) -> None:
        self.balance = 0


async def _run(*, locked: bool) -> None:
    account = Account()
    lock = asyncio.Lock()

    async def deposit() -> None:
        before = account.balance
        await asyncio.sleep(0)
        account.balance = before + 1

    async def deposit_locked() -> None:
        async with lock:
            await deposit()

    target = deposit_locked if locked else deposit
    await asyncio.gather(target(), target())
    assert account.balance == 2


async def buggy() -> None:
    await _run(locked=False)


async def correct() -> None:
    await _run(locked=True)
