"""Scenarios for correctness: what comes back, and what happens to sessions."""

import asyncio
import inspect
from types import SimpleNamespace

import aiohttp
from aioresponses import aioresponses
from scenarios.scraping import pages_of, scrape_urls
from solution import scrape

from racecourse.sandbox import lockstep, virtual

__all__ = ["scrape_urls"]

ELSEWHERE = "https://pages.example/"  # nothing leaves this machine for it


class MockedAnswer(aiohttp.ClientResponse):
    """An answer as aioresponses makes them, also for an aiohttp newer than it knows."""

    def __init__(self, *args, **options):
        if "stream_writer" in inspect.signature(super().__init__).parameters:
            options.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **options)


def scrape_iterator(urls):
    """Hand over an iterator, which can be read only once."""
    return lockstep.run(pages_of(iter(urls)))


def wrong_arguments(wrong):
    """Call with each wrong option; return what was raised, and how much was sent."""
    return virtual.run(_wrong_arguments(wrong))


async def _wrong_arguments(wrong):
    with aioresponses() as web:
        web.get(ELSEWHERE, body="sent", repeat=True, response_class=MockedAnswer)
        raised = [await _raised(options) for options in wrong]
        return {"raised": raised, "sent": sum(map(len, web.requests.values()))}


async def _raised(options):
    try:
        await scrape([ELSEWHERE], **options)
    except ValueError:
        return "ValueError"
    except TypeError as error:
        return f"TypeError: {error}"
    return "nothing"


def scrape_elsewhere(body):
    """Scrape an https URL, which is answered by a mock."""
    return virtual.run(_scrape_elsewhere(body))


async def _scrape_elsewhere(body):
    with aioresponses() as web:
        web.get(ELSEWHERE, body=body, response_class=MockedAnswer)
        return await pages_of([ELSEWHERE])


def with_a_session_of_ours(urls, options, headers):
    """Scrape twice with one session, and then use it ourselves."""
    return lockstep.run(_with_a_session_of_ours(urls, options, headers))


async def _with_a_session_of_ours(urls, options, headers):
    async with aiohttp.ClientSession(headers=headers) as session:
        pages = [await pages_of(urls, session=session, **options) for _ in range(2)]
        closed = session.closed
        used = ""
        if not closed:
            async with session.get(urls[0]) as answer:
                used = await answer.text()
        await asyncio.sleep(0)
    return {"pages": pages, "closed": closed, "used": used}
