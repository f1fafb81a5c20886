"""A2.3: a deque with the last starts, wait_for, and a future for each different URL.

The log allows `burst` starts in any `burst / rate` seconds.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import aiohttp

VALID = re.compile(r"https?://[^/?#\s:\[\]]+(:\d+)?([/?#].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    url: str
    status: int | None
    body: str | None
    error: Literal["http", "timeout", "connection", "invalid"] | None
    attempts: int


class SlidingLog:
    def __init__(self, limit, window):
        self.limit = limit
        self.window = window
        self.starts = deque()
        self.lock = asyncio.Lock()

    async def __call__(self):
        loop = asyncio.get_running_loop()
        async with self.lock:
            while True:
                now = loop.time()
                while self.starts and self.starts[0] + self.window <= now:
                    self.starts.popleft()
                if len(self.starts) < self.limit:
                    self.starts.append(now)
                    return
                await asyncio.sleep(self.starts[0] + self.window - now)


async def no_limit():
    pass


class Retry(Exception):
    def __init__(self, page, least=0):
        self.page = page
        self.least = least


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
    wait_for_turn = SlidingLog(burst, burst / rate) if rate else no_limit
    slots = asyncio.BoundedSemaphore(max_concurrency)
    tasks = {}

    async def get(client, url, number):
        async with client.get(url, timeout=aiohttp.ClientTimeout()) as response:
            if response.status in range(200, 300):
                return Page(url, response.status, await response.text(), None, number)
            page = Page(url, response.status, None, "http", number)
            if response.status == 429 or response.status // 100 == 5:
                raise Retry(page, int(response.headers.get("Retry-After", "0")))
            return page

    async def one_try(client, url, number):
        async with slots:
            await wait_for_turn()
            try:
                return await asyncio.wait_for(get(client, url, number), timeout)
            except TimeoutError:
                raise Retry(Page(url, None, None, "timeout", number)) from None
            except (aiohttp.ClientError, ConnectionError):
                raise Retry(Page(url, None, None, "connection", number)) from None

    async def fetch(client, url):
        if not VALID.fullmatch(url):
            return Page(url, None, None, "invalid", 0)
        for number in range(1, retries + 2):
            try:
                return await one_try(client, url, number)
            except Retry as failure:
                if number > retries:
                    return failure.page
                pause = max(failure.least, backoff * 2 ** (number - 1))
            await asyncio.sleep(pause)

    async def page_of(client, url):
        if url not in tasks:
            tasks[url] = asyncio.ensure_future(fetch(client, url))
        return await asyncio.shield(tasks[url])

    async with contextlib.AsyncExitStack() as stack:
        client = session or await stack.enter_async_context(aiohttp.ClientSession())
        try:
            return list(await asyncio.gather(*[page_of(client, url) for url in urls]))
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
