"""Scenarios for races: many URLs at once, and two calls at once."""

import asyncio

from scenarios.scraping import pages_of, scrape_urls

from racecourse.sandbox import lockstep

__all__ = ["scrape_urls"]


def scrape_in_two_calls(urls, options):
    """Scrape the same URLs in two calls at the same time; return both lists of pages."""
    return lockstep.run(_scrape_in_two_calls(urls, options))


async def _scrape_in_two_calls(urls, options):
    return await asyncio.gather(*(pages_of(urls, **options) for _ in range(2)))
