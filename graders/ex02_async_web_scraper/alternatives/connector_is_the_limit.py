"""A2.5: the connector's limit bounds the requests in flight; a given session is wrapped.

The connector also knows the moment at which a request has its connection and is about
to be sent. There it waits for the rate limit, and there the clock of the attempt starts.
"""

import asyncio
import contextvars
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


at_start = contextvars.ContextVar("at_start")  # awaited when a request may be sent


class PacedConnector(aiohttp.TCPConnector):
    async def connect(self, req, traces, timeout):
        connection = await super().connect(req, traces, timeout)
        try:
            await at_start.get()()
        except BaseException:
            connection.close()
            raise
        return connection


class Timetable:
    """Every start books the one after it."""

    def __init__(self, rate, burst):
        self.rate = rate
        self.free = [0.0] * burst

    async def next(self):
        if self.rate is None:
            return
        loop = asyncio.get_running_loop()
        start = max(loop.time(), self.free[0])
        self.free = [*self.free[1:], start + len(self.free) / self.rate]
        await asyncio.sleep(start - loop.time())


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
    timetable = Timetable(rate, burst)
    if session is None:
        connector = PacedConnector(limit=max_concurrency)
        async with aiohttp.ClientSession(connector=connector) as own:
            return await _all(urls, own, timetable, timeout, retries, backoff, None)
    slots = asyncio.Semaphore(max_concurrency)
    return await _all(urls, session, timetable, timeout, retries, backoff, slots)


async def _all(urls, session, timetable, timeout, retries, backoff, slots):
    async def attempt(url, number):
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as clock:

                async def start():
                    await timetable.next()
                    clock.reschedule(loop.time() + timeout)

                if slots is None:
                    at_start.set(start)
                else:
                    await start()
                unlimited = aiohttp.ClientTimeout(total=None)
                async with session.get(url, timeout=unlimited) as answer:
                    ok = 200 <= answer.status < 300
                    body = await answer.text() if ok else None
                    error = None if ok else "http"
                    after = answer.headers.get("Retry-After", "")
                    page = Page(url, answer.status, body, error, number)
                    return page, float(after) if after.isdigit() else 0.0
        except TimeoutError:
            return Page(url, None, None, "timeout", number), 0.0
        except (aiohttp.ClientError, OSError):
            return Page(url, None, None, "connection", number), 0.0

    async def fetch(url):
        if not fetchable(url):
            return Page(url, None, None, "invalid", 0)
        number = 1
        while True:
            if slots is None:
                page, least = await attempt(url, number)
            else:
                async with slots:
                    page, least = await attempt(url, number)
            again = page.error in ("timeout", "connection") or (
                page.error == "http" and (page.status == 429 or page.status >= 500)
            )
            if not again or number > retries:
                return page
            await asyncio.sleep(max(backoff * 2 ** (number - 1), least))
            number += 1

    async with asyncio.TaskGroup() as group:
        tasks = {}
        for url in urls:
            if url not in tasks:
                tasks[url] = group.create_task(fetch(url))
    return [tasks[url].result() for url in urls]


def fetchable(url):
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
