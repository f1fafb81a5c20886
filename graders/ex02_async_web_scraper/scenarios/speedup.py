"""Scenarios for speed. Seconds are virtual; only what blocks the loop is real."""

from scenarios.scraping import pages_of, scrape_urls

from racecourse.sandbox import blocked, lockstep

__all__ = ["scrape_urls"]


def scrape_watched(urls, options, asleep_s):
    """Scrape while somebody looks whether the loop's thread sleeps on duty."""
    return lockstep.run(_scrape_watched(urls, options, asleep_s))


async def _scrape_watched(urls, options, asleep_s):
    watch = blocked.SleepWatch(over_s=asleep_s)
    lockstep.watch(watch)
    with watch.looking():
        return await pages_of(urls, **options)
