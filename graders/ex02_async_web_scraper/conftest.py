"""A website for each check, and what its pages must look like when they come back."""

import socket

import pytest

from racecourse.checks import Raised, must
from racecourse.checks.website import Website

SHOWN = 60  # characters of a body in a message


class Scraper:
    """The submission's scraper, and the website that it is sent to."""

    def __init__(self, submission):
        self._submission = submission

    def site(self, pages):
        """Open a website: each path gives its answers one after the other."""
        worker = self._submission.worker
        return Website(worker.stage, pages, listener=worker.listener())

    def run(self, scenario, **args):
        """Run a scenario; a blocking connection ends every check with its line."""
        try:
            run = self._submission.virtual(scenario, **args)
        except Raised:
            self._must_not_have_connected()
            raise
        self._must_not_have_connected()
        return run

    def _must_not_have_connected(self):
        for event in self._submission.stage.log("blocked"):
            if "seconds" not in event.data:
                must.fail(
                    f"Line {event.data['line']} opened {event.data['how']}: it stops the"
                    " event loop, and every task in it, until the answer is there."
                )

    def pages(self, urls, *, scenario="scrape_urls", **options):
        """Scrape these URLs; return the pages as plain data."""
        run = self.run(scenario, urls=list(urls), options=options)
        return self.must_have_come_back(run.value, urls)

    @staticmethod
    def must_have_come_back(pages, urls):
        """Demand as many pages as URLs; return them."""
        must.hold(pages is not None, "scrape() had not returned after 2000 s.")
        must.equal(len(pages), len(urls), what=f"pages of {len(urls)} URLs")
        return pages

    @staticmethod
    def good(url, body, *, status=200, attempts=1):
        """Return the page of a URL that was answered."""
        return _page(url, status, body, None, attempts)

    @staticmethod
    def failed(url, error, *, status=None, attempts=1):
        """Return the page of a URL that was not."""
        return _page(url, status, None, error, attempts)

    @staticmethod
    def must_be(page, wanted, *, what):
        """Demand that a page is as it should be, field by field."""
        for field, value in wanted.items():
            seen = page[field]
            if field == "body" and isinstance(seen, str) and isinstance(value, str):
                must.hold(
                    seen == value,
                    f"{what}: body has {len(seen)} characters, expected the"
                    f" {len(value)} that were sent; it begins {seen[:SHOWN]!r}.",
                )
            elif field == "url":
                must.hold(seen == value, f"{what}: it is the page of another URL.")
            else:
                must.equal(seen, value, what=f"{what}: {field}")

    @staticmethod
    def must_be_at_rest(site, run, *, after):
        """Demand that no request, connection or task is left, and no complaint."""
        must.equal(site.open_hits, 0, what=f"requests still open after {after}")
        must.equal(site.open_visits, 0, what=f"connections still open after {after}")
        must.leave_no_task(run, after=after)
        must.be_silent(run)


def _page(url, status, body, error, attempts):
    return {
        "url": url,
        "status": status,
        "body": body,
        "error": error,
        "attempts": attempts,
    }


@pytest.fixture
def scraper(submission):
    """The scraper under judgement."""
    return Scraper(submission)


@pytest.fixture
def text(draw):
    """Draw texts that nobody can guess, of a given length."""
    letters = "abcdefghijklmnopqrstuvwxyz \n<>/=\"'&äß€"

    def drawn(length=20):
        few = "".join(draw.choices(letters, k=min(length, 997)))
        return (few * (length // 997 + 1))[:length]

    return drawn


@pytest.fixture
def closed_port():
    """Give a port of this machine where nobody listens, and nobody will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
