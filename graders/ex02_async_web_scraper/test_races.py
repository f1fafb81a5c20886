"""Races: limits hold on every path, and a URL is requested once whoever asks for it.

How many requests were open at once, and when each one began, is what the website saw.
Where it says that requests overlapped, time passed while all of them were open.
"""

from racecourse.checks import check, must
from racecourse.checks.website import Answer

_BACKOFF_S = 0.3
ROUNDING = 0.05  # requests; a window that is broken holds at least one too many


@check("R1")
def test_never_more_than_the_limit_are_in_flight(scraper, draw, text):
    """Thirty URLs succeed, fail, hang and are tried again; the limit always holds."""
    limit = draw.randrange(3, 6)
    body = text(500)

    def ok():
        return Answer(body, delay_s=draw.randrange(3, 12) / 10)

    def broken():
        return Answer(status=500, delay_s=draw.randrange(1, 5) / 10)

    kinds = {
        "ok": lambda: [ok()],
        "fails twice": lambda: [broken(), broken(), ok()],
        "fails": lambda: [broken()],
        "missing": lambda: [Answer(status=404, delay_s=0.2)],
        "hangs once": lambda: [Answer(fault="hang"), ok()],
        "breaks off": lambda: [Answer(body, fault="reset"), ok()],
    }
    names = [*kinds] * 5
    draw.shuffle(names)
    pages = {f"/{n}": kinds[name]() for n, name in enumerate(names)}
    # A session of one's own may have a limit of its own, which hides much.
    for scenario, whose in (
        ("scrape_urls", "session=None"),
        ("scrape_urls_with_a_session", "a given session"),
    ):
        with scraper.site(pages) as site:
            scraper.pages(
                [site.url(path) for path in pages],
                scenario=scenario,
                max_concurrency=limit,
                timeout=4.0,
                retries=2,
                backoff=_BACKOFF_S,
            )
            most, again = site.most_at_once, len(site.hits) - len(pages)
        must.hold(
            most <= limit,
            f"30 URLs, {again} retries, {whose}: {most} requests were in flight at once;"
            f" max_concurrency was {limit}.",
        )
        must.equal(
            most, limit, what=f"{whose}, max_concurrency={limit}: most requests at once"
        )


@check("R2")
def test_equal_urls_are_requested_once(scraper, draw, text):
    """Five times the same URL: one request, five equal pages; and again in each call."""
    body = text(300)
    stories = {
        "/slow": ([Answer(body, delay_s=3.0), Answer("second")], 1, "a slow URL"),
        "/quick": ([Answer(body, delay_s=0.1), Answer("second")], 1, "a quick URL"),
        "/recovers": (
            [Answer(status=500, delay_s=0.2), Answer(body, delay_s=0.2)],
            2,
            "a URL that answers 500, then 200",
        ),
    }
    pages = {path: answers for path, (answers, *_) in stories.items()}
    paths = [path for path in pages for _ in range(5)] + ["/other"]
    pages["/other"] = [Answer(text(), delay_s=0.1)]
    draw.shuffle(paths)
    with scraper.site(pages) as site:
        urls = [site.url(path) for path in paths]
        told = scraper.pages(urls, max_concurrency=draw.choice((4, 20)))
        for path, (_, requests, what) in stories.items():
            same = [page for page in told if page["url"] == site.url(path)]
            hits = len(site.hits_of(path))
            must.hold(
                hits == requests,
                f"{what}, five times in the list: {hits} requests; expected {requests}.",
            )
            must.equal(len(same), 5, what=f"{what}: pages")
            different = len({repr(page) for page in same})
            must.hold(different == 1, f"{what}: {different} different pages of five.")
        must.hold([page["url"] for page in told] == urls, "The pages are out of order.")
    _a_call_remembers_nothing(scraper, text)


def _a_call_remembers_nothing(scraper, text):
    first, second = text(), text()
    with scraper.site({"/": [Answer(first, delay_s=0.2), Answer(second)]}) as site:
        for body, which in ((first, "first"), (second, "second")):
            (page,) = scraper.pages([site.url("/")])
            must.hold(
                page["body"] == body,
                f"The {which} of two calls did not return what the server answered to it:"
                " each call requests anew.",
            )
    with scraper.site({"/": [Answer(first, delay_s=0.5)]}) as site:
        urls = [site.url("/")] * 2
        both = scraper.run("scrape_in_two_calls", urls=urls, options={}).value
        for told in both:
            for page in scraper.must_have_come_back(told, urls):
                wanted = scraper.good(urls[0], first)
                scraper.must_be(page, wanted, what="one of two calls at the same time")
        must.equal(len(site.hits), 2, what="requests of two calls at the same time")


@check("R3")
def test_no_window_of_time_sees_too_many_starts(scraper, draw, text):
    """Sixty URLs with burst 1 and 5, retries included; then a flood after a silence."""
    rate = float(draw.randrange(5, 21))
    for burst in (1, 5):
        pages = {
            f"/{n}": [
                *[Answer(status=500, delay_s=0.1)] * (n % 6 == 0),
                Answer(text(), delay_s=draw.choice((0.0, 0.0, 0.05, 0.2))),
            ]
            for n in range(60)
        }
        _must_keep_the_rate(
            scraper, pages, "60 URLs, 10 retries", rate=rate, burst=burst
        )
    # All are answered at the same moment, so all want to be sent again at once: half-way
    # between two ticks of a clock that ticks at this rate.
    count, end_s = 20, 21.5 / rate + 4 - _BACKOFF_S
    pages = {
        f"/{n}": [Answer(status=503, delay_s=end_s - n / rate), Answer(text())]
        for n in range(count)
    }
    what = "20 retries at once, after a silence"
    _must_keep_the_rate(scraper, pages, what, rate=rate, burst=1)
    # While one request is slow the others wait for its slot: starts that they book
    # meanwhile must not be saved up until then.
    pages = {"/slow": [Answer(text(), delay_s=count / rate)]}
    pages |= {f"/{n}": [Answer(text())] for n in range(count)}
    what = "20 quick URLs after a slow one, max_concurrency=1"
    _must_keep_the_rate(scraper, pages, what, rate=rate, burst=1, max_concurrency=1)


def _must_keep_the_rate(scraper, pages, what, **limits):
    rate, burst = limits["rate"], limits["burst"]
    with scraper.site(pages) as site:
        scraper.pages(
            [site.url(path) for path in pages],
            **{"max_concurrency": 100, **limits},
            retries=1,
            backoff=_BACKOFF_S,
            timeout=60.0,
        )
        starts = sorted(hit.start_s for hit in site.hits)
    must.hold(len(starts) >= len(pages), f"{what}: only {len(starts)} requests.")
    worst = max(
        (
            later - first + 1 - rate * (starts[later] - starts[first]) - burst,
            first,
            later,
        )
        for first in range(len(starts))
        for later in range(first, len(starts))
    )
    excess, first, later = worst
    window_s = starts[later] - starts[first]
    must.hold(
        excess <= ROUNDING,
        f"{what}, with rate={rate:g} and burst={burst}: {later - first + 1} requests"
        f" started within {window_s:.3f} s; at most"
        f" {rate * window_s + burst:.1f} may.",
    )
