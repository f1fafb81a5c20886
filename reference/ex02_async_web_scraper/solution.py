"""Exercise 2: an async web scraper with retries, a concurrency limit and a rate limit.

Each URL has one asyncio task, which tries until there is nothing left to try. A task
that is about to send a request takes two things, in this order, and keeps them apart:

- a *slot*, one of `max_concurrency`, for as long as the request is in flight and not a
  moment longer: nobody sleeps before a retry with a slot in hand;
- a *start*, from the pacer. It is booked without an `await` between looking at the
  timetable and writing into it, so that no two tasks can book the same one.

The clock of the timeout starts only when both are there. All tasks live in a task
group, so that however `scrape` is left, none of them and none of their requests is.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import aiohttp

TOO_MANY_REQUESTS = 429

Failure = Literal["http", "timeout", "connection", "invalid"]


@dataclass(frozen=True)
class Page:
    """What became of one URL."""

    url: str
    status: int | None  # None: no HTTP answer at all
    body: str | None  # text of a 2xx answer, else None
    error: Failure | None  # None only for a 2xx answer
    attempts: int  # requests sent for this URL; 0 for "invalid"


async def scrape(  # noqa: PLR0913 - the signature is the contract's
    urls: Iterable[str],
    *,
    max_concurrency: int = 10,
    rate: float | None = None,
    burst: int = 1,
    timeout: float = 10.0,  # noqa: ASYNC109 - of one attempt; the caller has his own
    retries: int = 2,
    backoff: float = 0.5,
    session: aiohttp.ClientSession | None = None,
) -> list[Page]:
    """Fetch every URL and return one page for each, in the order of the URLs.

    A URL that occurs twice is requested once. No failure of a URL raises: its page
    says what happened. A cancellation aborts whatever is under way, and comes out.

    Args:
        urls: What to fetch; http and https are, everything else is "invalid".
        max_concurrency: The most requests in flight.
        rate: Requests per second; None for as fast as we can.
        burst: In T seconds at most `rate * T + burst` requests start.
        timeout: Seconds that one attempt may take.
        retries: Further attempts after a 429, a 5xx, a timeout or a lost connection.
        backoff: Seconds before the first retry; they double from one to the next.
        session: What to send the requests with. It is yours to close; without one,
            we open a session for the call and close it.

    Raises:
        ValueError: If a number is out of its range.
    """
    if max_concurrency < 1 or burst < 1:
        raise ValueError("max_concurrency and burst must be at least 1")
    if timeout <= 0 or (rate is not None and rate <= 0):
        raise ValueError("timeout and rate must be positive")
    if retries < 0 or backoff < 0:
        raise ValueError("retries and backoff must not be negative")
    wanted = list(urls)
    async with contextlib.AsyncExitStack() as ours:
        if session is None:
            # Our slots are the limit; a connector has one of its own, of 100.
            connector = aiohttp.TCPConnector(limit=0)
            session = await ours.enter_async_context(
                aiohttp.ClientSession(connector=connector)
            )
        scraper = _Scraper(
            session=session,
            slots=asyncio.Semaphore(max_concurrency),
            pacer=_Pacer(rate, burst) if rate is not None else None,
            timeout=timeout,
            retries=retries,
            backoff=backoff,
        )
        async with asyncio.TaskGroup() as group:
            # One task for each different URL; dict.fromkeys() keeps their order.
            tasks = {
                url: group.create_task(scraper.page(url))
                for url in dict.fromkeys(wanted)
            }
    return [tasks[url].result() for url in wanted]


@dataclass(frozen=True)
class _Attempt:
    """How one request ended, and when it would make sense to send another."""

    page: Page
    worth_retrying: bool = False
    retry_after: float = 0.0  # seconds that the server asks for


@dataclass(frozen=True)
class _Scraper:
    """What the tasks of one call share."""

    session: aiohttp.ClientSession
    slots: asyncio.Semaphore
    pacer: "_Pacer | None"
    timeout: float
    retries: int
    backoff: float

    async def page(self, url: str) -> Page:
        """Try until the URL has its page, or until there are no attempts left."""
        if not _is_fetchable(url):
            return Page(url, None, None, "invalid", 0)
        for number in itertools.count(1):
            attempt = await self._attempt(url, number)
            if not attempt.worth_retrying or number > self.retries:
                break
            pause = self.backoff * 2 ** (number - 1)
            await asyncio.sleep(max(pause, attempt.retry_after))
        return attempt.page

    async def _attempt(self, url: str, number: int) -> _Attempt:
        """Send one request, as soon as both limits allow it."""
        async with self.slots:
            if self.pacer is not None:
                await self.pacer.wait_for_start()
            try:
                async with asyncio.timeout(self.timeout):
                    return await self._request(url, number)
            except TimeoutError:
                # First: some of aiohttp's timeouts are connection errors as well.
                failed = Page(url, None, None, "timeout", number)
            except (aiohttp.ClientError, OSError):
                failed = Page(url, None, None, "connection", number)
        return _Attempt(failed, worth_retrying=True)

    async def _request(self, url: str, number: int) -> _Attempt:
        # The timeout around this call is the only one: aiohttp's own would also cut
        # off whoever asked for a longer one.
        no_other = aiohttp.ClientTimeout(total=None)
        async with self.session.get(url, timeout=no_other) as response:
            status = response.status
            if 200 <= status < 300:  # noqa: PLR2004 - as everybody writes it
                body = await response.text()
                return _Attempt(Page(url, status, body, None, number))
            return _Attempt(
                Page(url, status, None, "http", number),
                worth_retrying=status == TOO_MANY_REQUESTS or status >= 500,  # noqa: PLR2004 - likewise
                retry_after=_seconds(response.headers.get("Retry-After", "")),
            )


class _Pacer:
    """Books starts so that T seconds never see more than `rate * T + burst` of them.

    It keeps one number: when the next start would be due at an even pace. A start may
    come up to `burst - 1` intervals before that. (The generic cell rate algorithm.)
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._early = (burst - 1) * self._interval
        self._due = 0.0

    async def wait_for_start(self) -> None:
        """Book the next free start and wait until it has come."""
        now = asyncio.get_running_loop().time()
        start = max(now, self._due - self._early)
        self._due = max(now, self._due) + self._interval
        await asyncio.sleep(start - now)


def _is_fetchable(url: str) -> bool:
    """Whether this is an http or https URL with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # an address in brackets that is none
        return False


def _seconds(retry_after: str) -> float:
    """Read a Retry-After header that counts seconds; 0 if it says anything else."""
    return (
        float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    )
