"""A cancellation that comes just when an answer is complete gets lost: the answer counts.

So did `asyncio.wait_for` before Python 3.12. The worker goes on with the next URL, and the
call with it.

Caught by: X3
"""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlparse

import aiohttp


@dataclass(frozen=True)
class Page:
    url: str
    status: int | None
    body: str | None
    error: Literal["http", "timeout", "connection", "invalid"] | None
    attempts: int


@dataclass
class Job:
    url: str
    attempts: int = 0
    page: Page | None = None


@dataclass
class Pace:
    rate: float | None
    burst: int
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    last: float = float("-inf")
    saved: float = 0.0

    async def __aenter__(self):
        """Spread starts evenly; `burst` counts the ones saved up while idle."""
        if self.rate is None:
            return
        loop = asyncio.get_running_loop()
        async with self.turn:
            now = loop.time()
            earned = (now - self.last) * self.rate
            self.saved = min(self.burst, self.saved + earned)
            if self.saved < 1:
                await asyncio.sleep((1 - self.saved) / self.rate)
                self.saved = 1
            self.last = loop.time()
            self.saved -= 1

    async def __aexit__(self, *exc):
        return False


class Crew:
    def __init__(self, session, pace, timeout, retries, backoff):
        self.session = session
        self.pace = pace
        self.timeout = timeout
        self.retries = retries
        self.backoff = backoff
        self.queue = asyncio.Queue()
        self.unfinished = 0
        self.finished = asyncio.Event()

    def add(self, job):
        self.unfinished += 1
        self.queue.put_nowait(job)

    async def work(self):
        while True:
            job = await self.queue.get()
            pause = await self.try_once(job)
            if pause is None:
                self.unfinished -= 1
                if not self.unfinished:
                    self.finished.set()
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(pause, self.queue.put_nowait, job)

    async def try_once(self, job):
        """Send one request; return the pause before the next one, or None."""
        async with self.pace:
            job.attempts += 1
        wish = 0.0
        try:
            status, body, wish = await within(self.timeout, self.fetch(job.url))
            ok = 200 <= status <= 299
            error = None if ok else "http"
            job.page = Page(job.url, status, body, error, job.attempts)
            again = status == 429 or status >= 500
        except TimeoutError:
            job.page = Page(job.url, None, None, "timeout", job.attempts)
            again = True
        except (aiohttp.ClientError, OSError):
            job.page = Page(job.url, None, None, "connection", job.attempts)
            again = True
        if not again or job.attempts > self.retries:
            return None
        pause = self.backoff * 2 ** (job.attempts - 1) * random.uniform(1, 1.5)
        return max(pause, wish)

    async def fetch(self, url):
        async with self.session.get(url) as response:
            status = response.status
            body = await response.text() if 200 <= status <= 299 else None
            return status, body, float(response.headers.get("Retry-After") or 0)


async def within(limit_s, coroutine):
    task = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait([task], timeout=limit_s)
        if not task.done():
            raise TimeoutError
    except BaseException:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
            raise
    return task.result()


def invalid(url):
    try:
        parts = urlparse(url)
        return parts.scheme not in ("http", "https") or not parts.hostname
    except ValueError:
        return True


async def scrape(
    urls: Iterable[str],
    *,
    max_concurrency: int = 10,
    rate: float | None = None,
    burst: int = 1,
    timeout: float = 10.0,
    retries: int = 2,
    backoff: float = 0.5,
    session: aiohttp.ClientSession | None = None,
) -> list[Page]:
    if max_concurrency < 1:
        raise ValueError("max_concurrency must be at least 1")
    if rate is not None and rate <= 0:
        raise ValueError("rate must be positive")
    if burst < 1:
        raise ValueError("burst must be at least 1")
    if timeout <= 0:
        raise ValueError("timeout must be positive")
    if retries < 0:
        raise ValueError("retries must not be negative")
    if backoff < 0:
        raise ValueError("backoff must not be negative")
    wanted = list(urls)
    jobs = {url: Job(url) for url in wanted}
    if session is None:
        async with aiohttp.ClientSession() as own:
            await _run(
                jobs, own, max_concurrency, rate, burst, timeout, retries, backoff
            )
    else:
        await _run(
            jobs, session, max_concurrency, rate, burst, timeout, retries, backoff
        )
    return [jobs[url].page for url in wanted]


async def _run(jobs, session, workers, rate, burst, timeout, retries, backoff):
    crew = Crew(session, Pace(rate, burst, saved=burst), timeout, retries, backoff)
    for job in jobs.values():
        if invalid(job.url):
            job.page = Page(job.url, None, None, "invalid", 0)
        else:
            crew.add(job)
    if not crew.unfinished:
        return
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(crew.work()) for _ in range(min(workers, crew.unfinished))
        ]
        await crew.finished.wait()
        for task in tasks:
            task.cancel()
