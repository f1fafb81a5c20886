"""Exercise 2: an async web scraper with retries, a concurrency limit and a rate limit.

Fill in the bodies. Keep the names and the signatures; add whatever else you need.
The promises your code is graded by are in the README beside this exercise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import aiohttp

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
        rate: Requests per second; None for as fast as you can.
        burst: In T seconds at most `rate * T + burst` requests start.
        timeout: Seconds that one attempt may take.
        retries: Further attempts after a 429, a 5xx, a timeout or a lost connection.
        backoff: Seconds before the first retry; they double from one to the next.
        session: What to send the requests with. It is yours to close; without one,
            the scraper opens a session for the call and closes it.

    Raises:
        ValueError: If a number is out of its range.
    """
    raise NotImplementedError
