"""A2.1: a semaphore, a token bucket behind a lock, and gather.

Whoever holds the lock waits for his token; the others queue up at the lock, in order.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
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


class TokenBucket:
    def __init__(self, rate: float | None, capacity: int):
        self.rate = rate
        self.capacity = capacity
        self.tokens = float(capacity)
        self.filled = time.monotonic()
        self.lock = asyncio.Lock()

    def refill(self):
        now = time.monotonic()
        self.tokens = min(self.capacity, self.tokens + (now - self.filled) * self.rate)
        self.filled = now

    async def take(self):
        if self.rate is None:
            return
        async with self.lock:
            self.refill()
            while self.tokens < 1:
                await asyncio.sleep((1 - self.tokens) / self.rate)
                self.refill()
            self.tokens -= 1


def is_valid(url: str) -> bool:
    try:
        parsed = URL(url)
    except (ValueError, TypeError):
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)


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
    slots = asyncio.Semaphore(max_concurrency)
    bucket = TokenBucket(rate, burst)
    own_session = session is None
    if own_session:
        session = aiohttp.ClientSession()

    async def attempt(url, number):
        """Return the page, whether to retry it, and the least pause before that."""
        async with slots:
            await bucket.take()
            try:
                async with session.get(
                    url, timeout=aiohttp.ClientTimeout(total=timeout)
                ) as response:
                    if response.ok and response.status < 300:
                        text = await response.text()
                        return Page(url, response.status, text, None, number), False, 0
                    again = response.status == 429 or response.status >= 500
                    try:
                        least = float(response.headers.get("Retry-After", 0))
                    except ValueError:
                        least = 0
                    return (
                        Page(url, response.status, None, "http", number),
                        again,
                        least,
                    )
            except asyncio.TimeoutError:
                return Page(url, None, None, "timeout", number), True, 0
            except aiohttp.ClientError:
                return Page(url, None, None, "connection", number), True, 0

    async def fetch(url):
        if not is_valid(url):
            return Page(url, None, None, "invalid", 0)
        pause = backoff
        for number in range(1, retries + 2):
            page, again, least = await attempt(url, number)
            if not again or number == retries + 1:
                return page
            await asyncio.sleep(max(pause, least))
            pause *= 2

    unique = list(set(urls))
    try:
        pages = await asyncio.gather(*(fetch(url) for url in unique))
    finally:
        if own_session:
            await session.close()
    by_url = dict(zip(unique, pages))
    return [by_url[url] for url in urls]
