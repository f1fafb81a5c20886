"""Cancellation: requests are aborted, nothing is left, and CancelledError comes out.

That a request was aborted is what the website saw: its connection was gone.
"""

from racecourse.checks import check, must
from racecourse.checks.website import Answer

AT_ONCE_S = 0.2
TICKS = 4


@check("X1")
def test_cancelled_in_the_middle_it_leaves_nothing(scraper, draw, text):
    """Requests that hang, that stand in the body, that wait for a slot or a retry."""
    after_s = draw.choice((2.0, 2.5, 3.0))
    body = text(400)
    pages = _endless(body)
    options = {"max_concurrency": 6, "timeout": 60.0, "backoff": 20.0}
    with scraper.site(pages) as site:
        urls = [site.url(path) for path in pages if path != "/good"]
        run = scraper.run("cancelled_call", urls=urls, options=options, after_s=after_s)
        how = f"a call that was cancelled after {after_s:g} s"
        _must_have_ended(run.value, how)
        _must_have_hung_up(site, how)
        scraper.must_be_at_rest(site, run, after=how)
    with scraper.site(pages) as site:
        urls = [site.url(path) for path in pages if path != "/good"]
        run = scraper.run(
            "cancelled_call_with_a_session",
            urls=urls,
            options=options,
            after_s=after_s,
            good_url=site.url("/good"),
        )
        how = f"a call with a given session that was cancelled after {after_s:g} s"
        _must_have_ended(run.value, how)
        _must_have_hung_up(site, how)
        must.equal(
            run.value["used"], body, what=f"{how}: what the session still fetches"
        )
        scraper.must_be_at_rest(site, run, after=how)


def _endless(body):
    """Lay out URLs that keep a call busy for long, and one that is good."""
    pages = {f"/hangs-{n}": [Answer(fault="hang")] for n in range(4)}
    pages["/fails"] = [Answer(status=500, delay_s=0.2)]
    pages |= {f"/stalls-{n}": [Answer(body, fault="stall")] for n in range(4)}
    return {**pages, "/good": [Answer(body)]}


def _must_have_ended(seen, how):
    must.hold(seen["over"], f"{_sentence(how)} had not ended 50 s later.")
    must.hold(seen["cancelled"], f"{_sentence(how)} let no CancelledError out.")
    must.hold(
        seen["seconds"] <= AT_ONCE_S,
        f"{_sentence(how)} ended only {seen['seconds']:.1f} s later.",
    )
    must.equal(seen["left"], 0, what=f"tasks alive after {how}")


def _sentence(words):
    return words[0].upper() + words[1:]


def _must_have_hung_up(site, how):
    """Demand that whoever hung in a request has left it, as the server sees it."""
    hanging = [hit for hit in site.hits if hit.path not in {"/fails", "/good"}]
    dropped = sum(hit.dropped for hit in hanging)
    must.hold(
        dropped == len(hanging) > 0,
        f"The server saw {dropped} of {len(hanging)} requests dropped by {how}.",
    )


@check("X2")
def test_a_timeout_of_the_caller_works(scraper, text):
    """asyncio.timeout(3) around hanging URLs gives a TimeoutError after 3 s."""
    pages = _endless(text(400))
    for name, options in (
        ("long timeouts", {"timeout": 60.0, "backoff": 20.0}),
        ("many retries", {"timeout": 0.5, "backoff": 0.1, "retries": 50}),
        ("a rate limit", {"timeout": 60.0, "rate": 0.5}),
    ):
        with scraper.site(pages) as site:
            urls = [site.url(path) for path in pages]
            run = scraper.run("timeout_around", urls=urls, options=options, limit_s=3.0)
            seen, what = run.value, f"asyncio.timeout(3) around hanging URLs, {name}"
            if seen["came"] == "pages" and seen["seconds"] < 2.9:
                continue  # it gave up before; other checks ask why
            must.hold(
                seen["came"] == "TimeoutError",
                f"{what}: {seen['came']} came out, after {seen['seconds']:.1f} s.",
            )
            must.be_within(
                seen["seconds"], 2.999, 3.0 + AT_ONCE_S, what=f"{what}: seconds"
            )
            must.equal(seen["left"], 0, what=f"{what}: tasks left")
            scraper.must_be_at_rest(site, run, after=what)


@check("X3")
def test_it_stops_wherever_it_waits(scraper, text):
    """Cancelled in each kind of waiting, it stops at once, and the next call works."""
    body = text()
    pages = {
        "/fails": [Answer(status=500)],
        "/busy": [Answer(status=429, headers={"Retry-After": "60"})],
        "/hangs": [Answer(fault="hang")],
        "/slow": [Answer(body, delay_s=9.0)],
        "/good": [Answer(body)],
    }
    fine = ["/good", "/slow"]
    for where, paths, options, after_s, ticks in (
        ("the wait for the rate limit", ["/slow", *pages], {"rate": 0.1}, 3.0, 0),
        ("the pause before a retry", ["/fails"], {"backoff": 30.0}, 5.0, 0),
        ("the pause that the server asked for", ["/busy"], {}, 5.0, 0),
        ("the wait for a slot", ["/hangs", *fine], {"max_concurrency": 1}, 3.0, 0),
        *(("its first steps", fine, {"rate": 5.0}, 0.0, ticks) for ticks in range(4)),
    ):
        with scraper.site(pages) as site:
            run = scraper.run(
                "cancel_and_call_again",
                urls=[site.url(path) for path in paths],
                options=options,
                after_s=after_s,
                ticks=ticks,
                good_url=site.url("/good"),
            )
            how = f"a call that was cancelled in {where}"
            if run.value["early"]:
                continue  # it did not wait there; other checks ask why
            _must_have_ended(run.value, how)
            late = [hit for hit in site.hits[:-1] if hit.start_s > after_s + AT_ONCE_S]
            must.equal(len(late), 0, what=f"requests sent afterwards by {how}")
            again = scraper.must_have_come_back(run.value["again"], ["/good"])
            wanted = scraper.good(site.url("/good"), body)
            scraper.must_be(again[0], wanted, what=f"a good URL after {how}")
            scraper.must_be_at_rest(site, run, after=how)
    _it_stops_as_a_body_arrives(scraper, body)


def _it_stops_as_a_body_arrives(scraper, body):
    """What came in the same moment as the cancellation is no reason to go on."""
    pages = {"/good": [Answer(body)], "/hangs": [Answer(fault="hang")]}
    with scraper.site(pages) as site:
        run = scraper.run(
            "cancelled_as_a_body_arrives",
            urls=[site.url(path) for path in pages],
            options={"max_concurrency": 1, "timeout": 60.0},
            ticks=TICKS,
        )
        for tick, seen in enumerate(run.value):
            how = f"a call that was cancelled {tick} ticks after a body had been read"
            _must_have_ended(seen, how)
        must.equal(len(run.value), TICKS, what="calls that were cancelled")
        scraper.must_be_at_rest(site, run, after="calls that were cancelled")
