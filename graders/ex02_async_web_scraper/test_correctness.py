"""Correctness: each URL's page, what is tried again and when, and whose session it is.

Bodies, delays and orders are drawn for every run. How often and when something was
requested is what the website saw; it runs here, beside the grader. Seconds are virtual.
"""

from racecourse.checks import check, must
from racecourse.checks.website import Answer

ROUNDING_S = 0.001
LATE_S = 0.25


@check("C1")
def test_every_page_comes_back_whole_and_in_its_place(scraper, draw, text):
    """Twelve pages of very different sizes, finished in another order."""
    sizes = [0, 1, 300_000, *draw.sample(range(2, 5000), 9)]
    statuses = [200] * 10 + [201, 203]
    draw.shuffle(sizes)
    draw.shuffle(statuses)
    bodies = [text(size) for size in sizes]
    delays_s = draw.sample([n / 10 for n in range(1, 13)], 12)
    pages = {
        f"/{number}": [Answer(body, status=status, delay_s=delay_s)]
        for number, (body, status, delay_s) in enumerate(
            zip(bodies, statuses, delays_s, strict=True)
        )
    }
    with scraper.site(pages) as site:
        urls = [site.url(path) for path in pages]
        for number, page in enumerate(scraper.pages(urls)):
            scraper.must_be(
                page,
                scraper.good(urls[number], bodies[number], status=statuses[number]),
                what=f"page {number + 1} of 12",
            )
        must.equal(len(site.hits), 12, what="requests that the server saw")
        again = scraper.run("scrape_iterator", urls=urls[:3]).value
        seen = [page["body"] for page in scraper.must_have_come_back(again, urls[:3])]
        must.hold(seen == bodies[:3], "URLs given as an iterator came out differently.")
        must.equal(scraper.pages([]), [], what="pages of no URLs")


@check("C2")
def test_only_what_can_get_better_is_tried_again(scraper, draw, text):
    """404 is final; 500 and 429 are tried again, as often as allowed."""
    body, refusal = text(), draw.choice((400, 401, 403, 410, 451))
    broken = draw.choice((500, 502, 504))
    # What the server answers, one after the other; status, error and attempts at the end.
    stories = {
        "/missing": ([404], 404, "http", 1),
        "/refused": ([refusal], refusal, "http", 1),
        "/unchanged": ([304], 304, "http", 1),
        "/recovers": ([500, broken, 200], 200, None, 3),
        "/busy": ([429, 200], 200, None, 2),
        "/down": ([503], 503, "http", 3),
        "/gets-worse": ([500, 404], 404, "http", 2),
    }
    pages = {
        path: [Answer(body, status=status, delay_s=0.1) for status in statuses]
        for path, (statuses, *_) in stories.items()
    }
    pages["/moved"] = [Answer(status=302, headers={"Location": "/target"})]
    pages["/target"] = [Answer(body)]
    with scraper.site(pages) as site:
        urls = [site.url(path) for path in [*stories, "/moved"]]
        *told, moved = scraper.pages(urls)
        for page, (path, story) in zip(told, stories.items(), strict=True):
            statuses, status, error, attempts = story
            what = f"a URL that answers {', then '.join(map(str, statuses))}"
            hits = len(site.hits_of(path))
            must.equal(hits, attempts, what=f"{what}: requests that the server saw")
            wanted = (
                scraper.failed(page["url"], error, status=status, attempts=attempts)
                if error
                else scraper.good(page["url"], body, attempts=attempts)
            )
            scraper.must_be(page, wanted, what=what)
        wanted = scraper.good(urls[-1], body)
        scraper.must_be(moved, wanted, what="a URL that redirects")
        once = scraper.pages([site.url("/down")], retries=0)
        wanted = scraper.failed(site.url("/down"), "http", status=503)
        scraper.must_be(once[0], wanted, what="a URL that answers 503, with retries=0")


@check("C3")
def test_a_bad_connection_sinks_nobody_else(scraper, draw, text, closed_port):
    """Refused, reset in the middle of the body, silent: three pages among others."""
    bodies = [text(draw.randrange(50, 5000)) for _ in range(6)]
    stories = {
        "/silent": ("timeout", [Answer(fault="hang")]),
        "/stalls": ("timeout", [Answer(bodies[0], fault="stall")]),
        "/breaks-off": ("connection", [Answer(bodies[0], fault="reset")]),
        "/heals": (None, [Answer(bodies[1], fault="reset"), Answer(bodies[1])]),
        "/wakes-up": (None, [Answer(fault="hang"), Answer(bodies[2])]),
    }
    pages = {path: answers for path, (_, answers) in stories.items()}
    pages |= {f"/{n}": [Answer(bodies[n], delay_s=0.3 * n)] for n in (3, 4, 5)}
    with scraper.site(pages) as site:
        paths = [*pages]
        draw.shuffle(paths)
        refused = f"http://127.0.0.1:{closed_port}/"
        urls = [refused, *map(site.url, paths)]
        first, *told = scraper.pages(urls, timeout=2.0, retries=1, backoff=0.1)
        wanted = scraper.failed(refused, "connection", attempts=2)
        scraper.must_be(first, wanted, what="a URL whose server refuses connections")
        for path, page in zip(paths, told, strict=True):
            error, answers = stories.get(path, (None, pages[path]))
            what = f"{_FAULTS.get(path, 'a good URL among bad ones')}, retries=1"
            attempts = 1 if path not in stories else 2
            hits = len(site.hits_of(path))
            if error is None:
                wanted = scraper.good(page["url"], answers[-1].body, attempts=attempts)
            else:
                # A status that was read before the body broke is accepted too.
                status = 200 if page["status"] == 200 else None
                wanted = scraper.failed(
                    page["url"], error, status=status, attempts=attempts
                )
            scraper.must_be(page, wanted, what=what)
            must.equal(hits, attempts, what=f"{what}: requests that the server saw")


_FAULTS = {
    "/silent": "a URL that never answers, with a timeout of 2 s",
    "/stalls": "a URL that stops in the middle of the body, with a timeout of 2 s",
    "/breaks-off": "a URL whose connection is reset in the middle of the body",
    "/heals": "a URL whose first connection is reset in the middle of the body",
    "/wakes-up": "a URL that answers only the second request",
}


@check("C4")
def test_a_timeout_is_for_one_attempt_and_starts_with_it(scraper, draw, text):
    """Waiting for the rate limit costs nothing; each attempt has all of its time."""
    body, timeout_s = text(), draw.choice((1.5, 1.8))
    pages = {f"/{n}": [Answer(body, delay_s=0.2)] for n in range(6)}
    with scraper.site(pages) as site:
        told = scraper.pages(map_urls(site, pages), rate=1.0, timeout=timeout_s)
        late = sum(page["error"] == "timeout" or page["attempts"] > 1 for page in told)
        must.hold(
            not late,
            f"6 URLs that answer within 0.2 s, with rate=1 and timeout={timeout_s}:"
            f" {late} of them ran into their timeout while they waited to be sent.",
        )
        for page in told:
            wanted = scraper.good(page["url"], body)
            scraper.must_be(page, wanted, what="a URL that waited for the rate limit")
    slow = Answer(body, delay_s=timeout_s - 0.2)
    with scraper.site({"/slow": [Answer(fault="hang"), slow]}) as site:
        (page,) = scraper.pages(
            [site.url("/slow")], timeout=timeout_s, retries=1, backoff=0.1
        )
        what = f"a URL that hangs once and then answers after {timeout_s - 0.2:.1f} s"
        wanted = scraper.good(page["url"], body, attempts=2)
        scraper.must_be(page, wanted, what=f"{what}, with timeout={timeout_s}")
        first = site.hits[0]
        must.be_within(
            first.end_s - first.start_s,
            timeout_s - ROUNDING_S,
            timeout_s + 1,  # aiohttp may round a longer timeout up to a whole second
            what=f"seconds until an attempt with timeout={timeout_s} was given up",
        )


def map_urls(site, paths):
    """Return the addresses of some paths."""
    return [site.url(path) for path in paths]


@check("C5")
def test_waits_double_and_respect_retry_after(scraper, draw):
    """The pauses that the server sees between an answer and the next request."""
    backoff_s = draw.choice((0.4, 0.5, 0.6))
    asked_s = draw.randrange(5, 9)
    stories = {
        "/down": [Answer(status=500, delay_s=0.1)],
        "/silent": [Answer(fault="hang")],
        "/busy": [_asking(429, asked_s)],
        "/asks-for-little": [_asking(503, 1)],
    }
    with scraper.site(stories) as site:
        scraper.pages(
            map_urls(site, stories), retries=4, backoff=backoff_s, timeout=1.0
        )
        for path in ("/down", "/silent"):
            what = f"answer 500 and retries=4, backoff={backoff_s}"
            if path == "/silent":
                what = f"no answer and retries=4, timeout=1, backoff={backoff_s}"
            pauses_s = [2**k * backoff_s for k in range(4)]
            bounds = [(least_s, 2 * least_s) for least_s in pauses_s]
            _must_pause(site.hits_of(path), bounds, what=what)
        what = f"answer 429, Retry-After: {asked_s}, backoff={backoff_s}"
        bounds = [
            (max(least_s, asked_s), 2 * asked_s + 2 * least_s) for least_s in pauses_s
        ]
        _must_pause(site.hits_of("/busy"), bounds, what=what)
        what = f"answer 503, Retry-After: 1, backoff={backoff_s}"
        bounds = [(max(least_s, 1), 2 + 2 * least_s) for least_s in pauses_s]
        _must_pause(site.hits_of("/asks-for-little"), bounds, what=what)


def _asking(status, seconds):
    return Answer(status=status, headers={"Retry-After": str(seconds)})


def _must_pause(hits, bounds, *, what):
    """Demand these pauses between the end of a request and the start of the next."""
    must.equal(len(hits), len(bounds) + 1, what=f"{what}: requests")
    for number, (least_s, most_s) in enumerate(bounds):
        must.be_within(
            hits[number + 1].start_s - hits[number].end_s,
            least_s - ROUNDING_S,
            most_s + LATE_S,
            what=f"{what}: seconds before retry {number + 1}",
        )


@check("C6")
def test_what_cannot_be_fetched_is_never_sent(scraper, draw, text):
    """Invalid URLs get their page at once; wrong arguments are a ValueError."""
    _invalid_urls(scraper, text())
    _wrong_arguments(scraper, draw)
    body = text()
    pages = scraper.run("scrape_elsewhere", body=body).value
    (page,) = scraper.must_have_come_back(pages, ["an https URL"])
    wanted = scraper.good(page["url"], body)
    scraper.must_be(page, wanted, what="an https URL")


def _invalid_urls(scraper, body):
    with scraper.site({"/good": [Answer(body)]}) as site:
        ftp = site.url("/good").replace("http", "ftp")
        invalid = [
            *("", "no url at all", "/good", "http://", "https:///good", ftp),
            *("mailto:someone@pages.example", "file:///etc/hostname", "http://[::1"),
        ]
        urls = [site.url("/good"), *invalid]
        first, *told = scraper.pages(urls)
        for url, page in zip(invalid, told, strict=True):
            wanted = scraper.failed(url, "invalid", attempts=0)
            scraper.must_be(
                page, wanted, what=f"the URL {url.replace(ftp, 'ftp://...')!r}"
            )
        scraper.must_be(
            first, scraper.good(urls[0], body), what="a good URL among them"
        )
        must.equal(
            len(site.hits), 1, what="requests for one good URL among invalid ones"
        )


def _wrong_arguments(scraper, draw):
    below = -draw.randrange(1, 9)
    wrong = [
        *({"max_concurrency": value} for value in (0, below)),
        *({"rate": value} for value in (0, float(below))),
        *({"burst": value, "rate": 1.0} for value in (0, below)),
        *({"timeout": value} for value in (0, float(below))),
        *({"retries": below}, {"backoff": float(below)}),
    ]
    run = scraper.run("wrong_arguments", wrong=wrong)
    for options, raised in zip(wrong, run.value["raised"], strict=True):
        name, value = next(iter(options.items()))
        must.equal(raised, "ValueError", what=f"{name}={value} raised")
    sent = run.value["sent"]
    must.equal(sent, 0, what="requests sent by calls with wrong arguments")
    must.be_silent(run)


@check("C7")
def test_whoever_opens_a_session_closes_it(scraper, draw, text):
    """A given session is used and stays open; one of your own is closed."""
    body, token = text(), f"token-{draw.randrange(10**6)}"
    pages = {
        "/a": [Answer(body, delay_s=0.2)],
        "/b": [Answer(body, status=500)],
        "/c": [Answer(body, status=404)],
    }
    options = {"retries": 1, "backoff": 0.1}
    with scraper.site(pages) as site:
        urls = map_urls(site, pages)
        run = scraper.run(
            "with_a_session_of_ours",
            urls=urls,
            options=options,
            headers={"X-Token": token},
        )
        seen = run.value
        foreign = sum(hit.headers.get("X-Token") != token for hit in site.hits)
        must.hold(
            not foreign,
            f"{foreign} of {len(site.hits)} requests did not go through the session that"
            " was given.",
        )
        must.hold(not seen["closed"], "The session that was given had been closed.")
        for told in seen["pages"]:
            page = scraper.must_have_come_back(told, urls)[0]
            scraper.must_be(page, scraper.good(urls[0], body), what="a given session")
        must.equal(seen["used"], body, what="what its owner fetched with it afterwards")
        must.be_silent(run)
    with scraper.site(pages) as site:
        urls = map_urls(site, pages)
        run = scraper.run("scrape_urls", urls=urls, options=options)
        scraper.must_have_come_back(run.value, urls)
        scraper.must_be_at_rest(site, run, after="a call without a session")


@check("C8")
def test_connections_are_used_again(scraper, draw, text):
    """Forty good URLs of one host share a handful of connections."""
    limit, body = draw.choice((4, 5, 6)), text()
    pages = {f"/{n}": [Answer(body, delay_s=0.1)] for n in range(40)}
    with scraper.site(pages) as site:
        told = scraper.pages(map_urls(site, pages), max_concurrency=limit)
        fine = sum(page["body"] == body for page in told)
        must.equal(fine, 40, what="bodies of 40 good URLs")
        opened, most = len(site.visits), site.most_connections
    what = f"40 URLs of one host, max_concurrency={limit}"
    must.hold(most <= limit, f"{what}: {most} connections were open at once.")
    must.hold(
        opened <= 2 * limit,
        f"{what}: {opened} connections were opened; {limit} are enough, because a"
        " connection that has brought one answer can bring the next.",
    )
