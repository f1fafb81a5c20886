"""Work moved to threads shares a total with nobody to protect it."""

import asyncio
import threading


class Total:
    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()

    def add_unlocked(self) -> None:
        self.value += 1

    def add(self) -> None:
        with self.lock:
            self.value += 1


async def _run(name: str) -> None:
    total = Total()
    add = getattr(total, name)
    await asyncio.gather(asyncio.to_thread(add), asyncio.to_thread(add))
    assert total.value == 2


async def buggy() -> None:
    await _run("add_unlocked")


async def correct() -> None:
    await _run("add")
