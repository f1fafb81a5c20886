"""Speedup: waiting overlaps, the rate is used, and nobody sleeps with a slot in hand.

Seconds are virtual and exact, and taken by the website.
"""

from racecourse.checks import Cause, check, must
from racecourse.checks.website import Answer

ASLEEP_S = 0.2  # real; four times what the contract allows, for busy machines


@check("S1")
def test_waiting_overlaps(scraper, text):
    """Twenty URLs of a second each, ten at a time, take two seconds; no rounds."""
    body = text()
    even = [1.0] * 20
    uneven = ([4.0] + [1.0] * 9) * 2
    # In the worst order a slow one comes last: 6 s without idle slots, 8 s in rounds.
    for delays_s, possible_s, most_s in ((even, 2.0, 3.0), (uneven, 5.0, 7.0)):
        pages = {f"/{n}": [Answer(body, delay_s=s)] for n, s in enumerate(delays_s)}
        with scraper.site(pages) as site:
            urls = [site.url(path) for path in pages]
            run = scraper.run("scrape_urls", urls=urls, options={"max_concurrency": 10})
            told = scraper.must_have_come_back(run.value, urls)
            took_s = max(hit.end_s for hit in site.hits)
            most = site.most_at_once
        must.equal(sum(page["body"] == body for page in told), 20, what="good pages")
        what = "20 URLs that answer after 1 s"
        if delays_s is uneven:
            what = "20 URLs, two of which answer after 4 s and the others after 1 s"
        must.hold(
            max(took_s, run.elapsed_s) <= most_s,
            f"{what}, ten at a time, took {max(took_s, run.elapsed_s):.1f} s, with at"
            f" most {most} in flight; {possible_s:g} s is possible.",
        )


@check("S2")
def test_the_rate_is_used(scraper, draw, text):
    """31 fast URLs at ten a second take three seconds and a little."""
    body, delay_s = text(), draw.choice((0.05, 0.1))
    pages = {f"/{n}": [Answer(body, delay_s=delay_s)] for n in range(31)}
    with scraper.site(pages) as site:
        told = scraper.pages([site.url(path) for path in pages], rate=10.0)
        took_s = max(hit.end_s for hit in site.hits)
    must.equal(sum(page["body"] == body for page in told), 31, what="good pages")
    must.hold(
        took_s <= 4.5,
        f"31 URLs that answer after {delay_s:g} s, with rate=10, took {took_s:.1f} s;"
        f" {3 + delay_s:g} s is possible.",
    )


@check("S3")
def test_a_slot_is_free_during_a_back_off(scraper, draw, text):
    """One URL fails and nine are good; the nine do not wait for its pause."""
    body, backoff_s = text(), draw.choice((20.0, 30.0))
    pages = {"/fails": [Answer(status=500, delay_s=0.5), Answer(body)]}
    pages |= {f"/{n}": [Answer(body, delay_s=1.0)] for n in range(9)}
    with scraper.site(pages) as site:
        told = scraper.pages(
            [site.url(path) for path in pages],
            max_concurrency=1,
            retries=1,
            backoff=backoff_s,
        )
        ends = [hit.end_s for hit in site.hits if hit.path != "/fails"]
    must.equal(sum(page["body"] == body for page in told[1:]), 9, what="good pages")
    must.hold(
        max(ends) <= 12.0,
        f"With max_concurrency=1, nine URLs of 1 s were done after {max(ends):.1f} s: a"
        f" tenth one, which waited {backoff_s:g} s for its retry, held them up.",
    )


@check("S4")
def test_the_loop_is_never_blocked(scraper, submission, draw, text):
    """Neither the rate limit nor a back-off nor a request stops the event loop."""
    body = text(2000)
    pages = {f"/{n}": [Answer(body, delay_s=0.3)] for n in range(6)}
    pages["/fails"] = [Answer(status=500), Answer(status=500), Answer(body)]
    pages["/busy"] = [Answer(status=429, headers={"Retry-After": "1"}), Answer(body)]
    pages["/silent"] = [Answer(fault="hang")]
    options = {"rate": 2.0, "max_concurrency": 4, "timeout": 1.0, "backoff": 0.5}
    with scraper.site(pages) as site:
        urls = [site.url(path) for path in pages]
        draw.shuffle(urls)
        # Two of which nothing can go wrong come first: some page is always good.
        urls.sort(key=lambda url: not url.endswith(("/0", "/1")))
        run = scraper.run(
            "scrape_watched", urls=urls, options=options, asleep_s=ASLEEP_S
        )
        told = scraper.must_have_come_back(run.value, urls)
    for seconds, line in run.blocking_sleeps:
        must.fail(
            f"time.sleep({seconds:g}) in line {line} stopped the event loop and every"
            " task in it."
        )
    for event in submission.stage.log("blocked"):
        must.fail(
            f"The event loop stood still for {event.data['seconds']:.1f} s, in line"
            f" {event.data['line']}: {event.data['how']} stops every task in it.",
            cause=Cause.HANG,
        )
    must.hold(any(page["body"] == body for page in told), "No page was good.")
