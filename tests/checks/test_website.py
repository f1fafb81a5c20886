"""The scripted website: one virtual clock over two sides, and what the server saw."""

import asyncio
import contextlib
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from racecourse.checks.website import Answer, Website
from racecourse.sandbox import blocked, lockstep, stage
from racecourse.sandbox.stage_host import StageHost

Opener = Callable[..., Website]


@pytest.fixture(scope="module")
def host() -> Iterator[StageHost]:
    """One stage for all tests: a thread keeps its connection to it."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "_local", threading.local())
        host = StageHost(str(Path(folder) / "stage"))
        patch.setenv(stage.ADDRESS_VARIABLE, host.address)
        yield host
        host.close()


@pytest.fixture
def website(host: StageHost) -> Iterator[Opener]:
    """Return a function that opens a site."""
    with contextlib.ExitStack() as sites:
        yield lambda pages: sites.enter_context(Website(host, pages))


async def fetch(urls: list[str], *, within_s: float = 100.0) -> list[Any]:
    """Fetch all at once with one session; tell text or kind of error, and when."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()

    async def one(session: aiohttp.ClientSession, url: str) -> Any:
        try:
            async with asyncio.timeout(within_s), session.get(url) as answer:
                seen = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            seen = "TimeoutError" if isinstance(error, TimeoutError) else "ClientError"
        return seen, round(loop.time() - start_s, 2)

    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(one(session, url) for url in urls))


def run(main: Any, **options: Any) -> dict[str, Any]:
    """Run in lockstep and demand that it came to an end."""
    seen = lockstep.run(main, **options)
    assert seen["stuck"] is None
    assert not seen["leftovers"]
    return seen


def test_delays_pass_in_virtual_time_and_overlap(website: Opener):
    pages = {f"/{n}": [Answer(f"page {n}", delay_s=n)] for n in range(1, 6)}
    site = website(pages)
    seen = run(fetch([site.url(path) for path in pages]))
    assert seen["value"] == [(f"page {n}", float(n)) for n in range(1, 6)]
    assert site.most_at_once == site.most_connections == 5
    assert [round(hit.end_s, 2) for hit in site.hits] == [1, 2, 3, 4, 5]
    assert site.open_visits == 0


def test_a_body_larger_than_every_buffer_arrives_in_no_time(website: Opener):
    body = "0123456789" * 800_000
    site = website({"/": [Answer(body, delay_s=1)]})
    assert run(fetch([site.url("/")]))["value"] == [(body, 1.0)]


def test_a_path_gives_its_answers_in_turn_and_then_the_last(website: Opener):
    site = website({"/": [Answer("first"), Answer("last")]})

    async def three_times() -> list[str]:
        return [(await fetch([site.url("/")]))[0][0] for _ in range(3)]

    assert run(three_times())["value"] == ["first", "last", "last"]
    assert len(site.visits) == 3  # a session of its own each time


def test_faults_look_like_faults(website: Opener):
    body = "x" * 1000
    site = website(
        {
            f"/{fault}": [Answer(body, fault=fault)]
            for fault in ("hang", "stall", "reset")
        }
    )
    paths = ("/hang", "/stall", "/reset", "/unknown")
    seen = run(fetch([site.url(path) for path in paths], within_s=3))
    assert seen["value"] == [
        ("TimeoutError", 3.0),
        ("TimeoutError", 3.0),
        ("ClientError", 0.1),
        ("no such page", 0.0),
    ]
    assert [hit.dropped for hit in site.hits] == [True, True, True, False]


def test_a_client_that_hangs_up_and_calls_again_counts_once(website: Opener):
    """The end of the old connection and the new request come at the same instant."""
    site = website({"/": [Answer(fault="hang")]})

    async def again_and_again() -> None:
        for _ in range(20):
            await fetch([site.url("/")], within_s=1)

    run(again_and_again())
    assert len(site.hits) == 20
    assert site.most_at_once == site.most_connections == 1


def test_whoever_waits_for_ever_is_told_at_once(
    website: Opener, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "solution", sys.modules[__name__])
    site = website({"/": [Answer(fault="hang")]})
    untimed = aiohttp.ClientTimeout(total=None, sock_connect=None)

    async def wait() -> None:
        async with (
            aiohttp.ClientSession(timeout=untimed) as session,
            session.get(site.url("/")),
        ):
            pass

    seen = lockstep.run(wait())
    assert seen["stuck"]["deadlock"]


def test_a_job_in_a_thread_does_not_stop_the_site(website: Opener):
    site = website({"/": [Answer("text")]})

    async def in_a_thread() -> str:
        def read() -> str:
            with urllib.request.urlopen(site.url("/")) as answer:  # noqa: S310 - our own
                return str(answer.read().decode())

        return await asyncio.to_thread(read)

    assert run(in_a_thread())["value"] == "text"


def test_a_blocking_connection_on_the_loop_is_refused_and_told(
    website: Opener, host: StageHost
):
    site = website({"/": [Answer("text")]})

    async def block() -> None:
        with urllib.request.urlopen(site.url("/")):  # noqa: ASYNC210, S310 - the point
            pass

    with pytest.raises(blocked.BlockingConnectionError):
        lockstep.run(block())
    assert host.log(blocked.NOTE)[-1].data["how"] == "a blocking connection"


def test_a_sleep_in_a_callback_is_told_and_a_wait_of_the_loop_is_not(
    website: Opener, host: StageHost
):
    site = website({"/": [Answer("text", delay_s=5)]})
    before = host.count(blocked.NOTE)

    async def fetch_and_sleep(*, seconds: float) -> None:
        watch = blocked.SleepWatch(over_s=0.05)
        lockstep.watch(watch)
        with watch.looking():
            await fetch([site.url("/")])
            if seconds:
                threading.Event().wait(seconds)
            await asyncio.sleep(1)

    run(fetch_and_sleep(seconds=0))
    assert host.count(blocked.NOTE) == before
    run(fetch_and_sleep(seconds=0.3))
    told = host.log(blocked.NOTE)[before:]
    assert [event.data["how"] for event in told] == ["a call that sleeps"]
    assert told[0].data["seconds"] > 0.2


def test_a_mistake_of_the_site_is_raised_by_its_closing(host: StageHost):
    site = Website(host, {"/": [Answer(headers=7)]})  # type: ignore[arg-type]
    seen = run(fetch([site.url("/")]))
    assert "text" not in seen["value"]
    with pytest.raises(TypeError):
        site.__exit__()


def test_what_only_the_worker_waits_for_needs_no_turn(
    website: Opener, monkeypatch: pytest.MonkeyPatch
):
    """Each turn costs a hand-over between processes; a sleep of the worker's does not."""
    site = website({"/": [Answer("text", delay_s=50)]})
    turns: list[object] = []
    ask = stage.ask
    monkeypatch.setattr(
        stage, "ask", lambda name, **data: turns.append(data) or ask(name, **data)
    )

    async def tick() -> None:
        for _ in range(100):
            await asyncio.sleep(1)

    async def both() -> list[object]:
        return await asyncio.gather(fetch([site.url("/")]), tick())

    seen = run(both())
    assert seen["value"][0] == [("text", 50.0)]
    assert 100 <= seen["elapsed_s"] < 100.1
    assert len(turns) < 10


@pytest.mark.parametrize("nonsense", [{}, {"now_ns": "soon"}, {"now_ns": 1, "sent": 7}])
def test_a_worker_that_talks_nonsense_is_cut_off_and_is_not_our_mistake(
    website: Opener, host: StageHost, nonsense: dict[str, Any]
):
    site = website({"/": [Answer("text")]})
    question = {"due_ns": None, "sent": [], **nonsense}
    with pytest.raises((KeyError, TypeError, ValueError)):
        host.answer(
            {"op": "ask", "name": lockstep.TURN, "pid": 1, "tid": 1, "data": question},
            1,
        )
    assert run(fetch([site.url("/")]))["value"] == [("text", 0.0)]
