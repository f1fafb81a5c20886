"""The two jobs, and the four ways to do them. Everything here can be pickled.

A CPU-bound job counts primes. An I/O-bound job asks a server and waits for its answer;
the server is a real one, on loopback, in a process of its own, so that what it costs
to wait is what it costs a real program.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

from racecourse.model.lab import Cell, Work

Answers = list[int]


def count_primes(below: int, _job: int) -> int:
    """Return how many primes are smaller than `below`; all Python, all CPU."""
    return sum(
        all(number % divisor for divisor in range(2, int(number**0.5) + 1))
        for number in range(2, below)
    )


def ask(port: int, job: int) -> int:
    """Ask the server on loopback and wait, blocking the thread, for its answer."""
    with (
        socket.create_connection(("127.0.0.1", port)) as link,
        link.makefile("rw") as io,
    ):
        io.write(f"{job}\n")
        io.flush()
        return int(io.readline())


async def ask_async(port: int, job: int) -> int:
    """Ask the server on loopback and wait, as a coroutine, for its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{job}\n".encode())
        return int(await reader.readline())
    finally:
        writer.close()
        await writer.wait_closed()


def do(cell: Cell, work: Work, port: int) -> Answers:
    """Do all the work in the cell's way; return the answers in the order of the jobs."""
    if cell.model == "asyncio":
        return asyncio.run(_as_coroutines(cell, work, port))
    job = partial(count_primes, work.primes_below)
    if cell.task == "io":
        job = partial(ask, port)
    return _WAYS[cell.model](job, work.jobs, cell.workers)


def _one_after_the_other(
    job: Callable[[int], int], jobs: int, _workers: int
) -> Answers:
    return [job(number) for number in range(jobs)]


def _in_threads(job: Callable[[int], int], jobs: int, workers: int) -> Answers:
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(job, range(jobs)))


def _in_processes(job: Callable[[int], int], jobs: int, workers: int) -> Answers:
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(job, range(jobs)))


_WAYS = {
    "sequential": _one_after_the_other,
    "threads": _in_threads,
    "processes": _in_processes,
}


async def _as_coroutines(cell: Cell, work: Work, port: int) -> Answers:
    slots = asyncio.Semaphore(cell.workers)

    async def one(number: int) -> int:
        async with slots:
            if cell.task == "io":
                return await ask_async(port, number)
            return count_primes(work.primes_below, number)  # holds up the whole loop

    return list(await asyncio.gather(*map(one, range(work.jobs))))
