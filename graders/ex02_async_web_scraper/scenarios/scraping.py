"""What all scenarios share: one call of scrape() in virtual time, as plain data.

The URLs lead to a real server that the grader runs. It is on the same virtual clock, and
it is the one that tells what was sent and when; nothing here judges anything.
"""

import asyncio

from solution import scrape

from racecourse.sandbox import lockstep

LONG_S = 2000.0  # longer than any call that is meant to end
FIELDS = ("url", "status", "body", "error", "attempts")


def plain(page):
    """Return a page as plain data."""
    return {field: getattr(page, field) for field in FIELDS}


async def pages_of(urls, **options):
    """Scrape and return the pages, or None if that took too long."""
    call = asyncio.ensure_future(scrape(urls, **options))
    await asyncio.wait([call], timeout=LONG_S)
    if not call.done():
        call.cancel()
        return None
    return [plain(page) for page in call.result()]


def scrape_urls(urls, options):
    """Scrape these URLs once; return their pages."""
    return lockstep.run(pages_of(urls, **options))
