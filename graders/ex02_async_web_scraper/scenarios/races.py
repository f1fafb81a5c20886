"""Scenarios for races: many URLs at once, and two calls at once."""

import asyncio

import aiohttp
from scenarios.scraping import pages_of, scrape_urls

from racecourse.sandbox import lockstep

__all__ = ["scrape_urls"]


def scrape_urls_with_a_session(urls, options):
    """Scrape these URLs once, through a session of ours; return their pages."""
    return lockstep.run(_with_a_session(urls, options))


async def _with_a_session(urls, options):
    async with aiohttp.ClientSession() as session:
        return await pages_of(urls, session=session, **options)


def scrape_in_two_calls(urls, options):
    """Scrape the same URLs in two calls at the same time; return both lists of pages."""
    return lockstep.run(_scrape_in_two_calls(urls, options))


async def _scrape_in_two_calls(urls, options):
    return await asyncio.gather(*(pages_of(urls, **options) for _ in range(2)))
