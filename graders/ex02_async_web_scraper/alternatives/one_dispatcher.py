"""A2.4: one coroutine decides who is sent when; every attempt is a task it creates.

What waits lies in a heap, ordered by the earliest time at which it may be sent.
"""

import asyncio
import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import aiohttp


@dataclass(frozen=True)
class Page:
    url: str
    status: int | None
    body: str | None
    error: Literal["http", "timeout", "connection", "invalid"] | None
    attempts: int


def _valid(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in {"http", "https"} and parts.hostname is not None


async def _send(session, url, timeout):
    """Return (status, body, error, Retry-After) of one request."""
    try:
        async with asyncio.timeout(timeout), session.get(url) as response:
            if not 200 <= response.status < 300:
                after = response.headers.get("Retry-After", "0")
                return response.status, None, "http", float(after)
            return response.status, await response.text(), None, 0.0
    except TimeoutError:
        return None, None, "timeout", 0.0
    except (aiohttp.ClientError, OSError):
        return None, None, "connection", 0.0


def _retryable(status, error):
    return error in ("timeout", "connection") or status == 429 or (status or 0) >= 500


class _Dispatcher:
    def __init__(self, session, limit, rate, burst, timeout, retries, backoff):
        self.session = session
        self.limit = limit
        self.interval = 1 / rate if rate else 0.0
        self.burst = burst
        self.timeout = timeout
        self.retries = retries
        self.backoff = backoff
        self.waiting = []
        self.running = {}
        self.pages = {}
        self.starts = []

    def _next_start(self):
        """When the rate allows the next request."""
        if not self.interval or len(self.starts) < self.burst:
            return -math.inf
        return self.starts[-self.burst] + self.burst * self.interval

    async def run(self, urls):
        loop = asyncio.get_running_loop()
        for number, url in enumerate(dict.fromkeys(urls)):
            if _valid(url):
                heapq.heappush(self.waiting, (loop.time(), number, url, 1))
            else:
                self.pages[url] = Page(url, None, None, "invalid", 0)
        try:
            while self.waiting or self.running:
                await self._step(loop)
        finally:
            for task in self.running:
                task.cancel()
            if self.running:
                await asyncio.gather(*self.running, return_exceptions=True)

    async def _step(self, loop):
        pause = None
        if self.waiting and len(self.running) < self.limit:
            pause = max(self.waiting[0][0], self._next_start()) - loop.time()
            if pause <= 0:
                self._start(loop, *heapq.heappop(self.waiting))
                return
        if not self.running:
            await asyncio.sleep(pause)
            return
        done, _ = await asyncio.wait(
            self.running, timeout=pause, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            self._finish(loop, task, *self.running.pop(task))

    def _start(self, loop, _ready, number, url, attempt):
        self.starts = [*self.starts[-self.burst + 1 :], loop.time()][-self.burst :]
        task = asyncio.create_task(_send(self.session, url, self.timeout))
        self.running[task] = number, url, attempt

    def _finish(self, loop, task, number, url, attempt):
        status, body, error, least = task.result()
        if _retryable(status, error) and attempt <= self.retries:
            pause = max(least, self.backoff * 2 ** (attempt - 1))
            again = (loop.time() + pause, number, url, attempt + 1)
            heapq.heappush(self.waiting, again)
        else:
            self.pages[url] = Page(url, status, body, error, attempt)


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
    urls = list(urls)
    given = session
    session = given or aiohttp.ClientSession()
    try:
        dispatcher = _Dispatcher(
            session, max_concurrency, rate, burst, timeout, retries, backoff
        )
        await dispatcher.run(urls)
    finally:
        if given is None:
            await session.close()
    return [dispatcher.pages[url] for url in urls]
