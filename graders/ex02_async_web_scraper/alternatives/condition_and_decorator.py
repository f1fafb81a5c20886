"""A2.6: a condition counts who is in flight, a decorator retries, answers raise.

`raise_for_status()` turns a bad status into an exception, so that there is one way to
fail; the retry decorator knows nothing of HTTP.
"""

import asyncio
import functools
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import aiohttp
from yarl import URL


@dataclass(frozen=True)
class Page:
    url: str
    status: int | None
    body: str | None
    error: Literal["http", "timeout", "connection", "invalid"] | None
    attempts: int


class Gate:
    """Lets at most `limit` in at once, and no more often than the rate allows."""

    def __init__(self, limit, rate, burst):
        self.limit = limit
        self.inside = 0
        self.changed = asyncio.Condition()
        self.every = 0.0 if rate is None else 1.0 / rate
        self.burst = burst
        self.level = 0.0  # of a leaky bucket that holds `burst` starts
        self.seen = time.perf_counter()

    def _leak(self):
        now = time.perf_counter()
        if self.every:
            self.level = max(0.0, self.level - (now - self.seen) / self.every)
        self.seen = now

    async def __aenter__(self):
        async with self.changed:
            await self.changed.wait_for(lambda: self.inside < self.limit)
            self.inside += 1
        try:
            while self.every:
                self._leak()
                if self.level <= self.burst - 1 + 1e-9:
                    self.level += 1
                    break
                await asyncio.sleep((self.level - (self.burst - 1)) * self.every)
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *exc):
        self.inside -= 1
        async with self.changed:
            self.changed.notify()


class Failed(Exception):
    def __init__(self, page, *, fatal=False, at_least=0.0):
        super().__init__(page)
        self.page = page
        self.fatal = fatal
        self.at_least = at_least


def retrying(retries, backoff):
    def decorate(send):
        @functools.wraps(send)
        async def call(*args):
            for retry in range(retries + 1):
                try:
                    return replace(await send(*args), attempts=retry + 1)
                except Failed as failure:
                    page = replace(failure.page, attempts=retry + 1)
                    if failure.fatal or retry == retries:
                        return page
                    await asyncio.sleep(max(backoff * 2**retry, failure.at_least))

        return call

    return decorate


def kind_of(url):
    try:
        parsed = URL(url)
    except ValueError:
        return "invalid"
    return parsed.scheme if parsed.host else "invalid"


async def send_once(client, gate, timeout, url):
    async with gate:
        try:
            async with client.get(
                url, timeout=aiohttp.ClientTimeout(total=timeout)
            ) as reply:
                reply.raise_for_status()
                if reply.status >= 300:
                    raise Failed(Page(url, reply.status, None, "http", 0), fatal=True)
                return Page(url, reply.status, await reply.text(), None, 0)
        except aiohttp.ClientResponseError as error:
            headers = error.headers or {}
            raise Failed(
                Page(url, error.status, None, "http", 0),
                fatal=error.status < 500 and error.status != 429,
                at_least=float(headers.get("Retry-After", 0)),
            ) from error
        except TimeoutError as error:
            raise Failed(Page(url, None, None, "timeout", 0)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Failed(Page(url, None, None, "connection", 0)) from error


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
    pages = {}
    order = []
    for url in urls:
        order.append(url)
        if kind_of(url) not in ("http", "https"):
            pages[url] = Page(url, None, None, "invalid", 0)
    gate = Gate(max_concurrency, rate, burst)
    send = retrying(retries, backoff)(send_once)
    client = aiohttp.ClientSession() if session is None else session
    tasks = {
        asyncio.create_task(send(client, gate, timeout, url)): url
        for url in dict.fromkeys(order)
        if url not in pages
    }
    try:
        for task in list(tasks):
            pages[tasks[task]] = await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if session is None:
            await client.close()
    return [pages[url] for url in order]
