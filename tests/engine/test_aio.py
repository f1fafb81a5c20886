"""Coroutines under the same clock and the same strategies as threads."""

from __future__ import annotations

import pytest

from racecourse.engine import Budget, Kind, Limits, Verdict, explore_source, replay
from racecourse.engine.program import Program, Source

CORRECT = {
    "a queue between tasks": """
import asyncio
async def program():
    items, received = asyncio.Queue(2), []
    async def produce():
        for item in range(5):
            await items.put(item)
        await items.put(None)
    async def consume():
        while (item := await items.get()) is not None:
            await asyncio.sleep(0.1)
            received.append(item)
    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        group.create_task(consume())
    assert received == list(range(5))
""",
    "timeouts on the virtual clock": """
import asyncio
async def program():
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        async with asyncio.timeout(3600):
            await asyncio.sleep(7200)
    except TimeoutError:
        pass
    else:
        assert False
    assert 3599 < loop.time() - start < 3601
""",
    "callbacks keep their documented order": """
import asyncio
async def program():
    loop, seen = asyncio.get_running_loop(), []
    for number in range(3):
        loop.call_soon(seen.append, number)
    await asyncio.sleep(0.01)
    assert seen == [0, 1, 2]
""",
    "a coroutine called from a thread": """
import asyncio, threading
async def answer():
    await asyncio.sleep(1)
    return 42
async def program():
    loop, got = asyncio.get_running_loop(), []
    def ask():
        got.append(asyncio.run_coroutine_threadsafe(answer(), loop).result())
    thread = threading.Thread(target=ask)
    thread.start()
    while not got:
        await asyncio.sleep(0.5)
    thread.join()
    assert got == [42]
""",
    "asyncio.run in a plain function, and context variables": """
import asyncio, contextvars
who = contextvars.ContextVar("who", default="nobody")
def program():
    async def act(name):
        who.set(name)
        await asyncio.sleep(0)
        assert who.get() == name
    async def main():
        await asyncio.gather(act("a"), act("b"))
        assert who.get() == "nobody"
    asyncio.run(main())
""",
}
SMALL = Budget(systematic=300, sampled=60, overslept=20)


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_program_is_not_accused(name: str):
    report = explore_source(CORRECT[name], budget=SMALL)
    assert report.verdict is Verdict.NOTHING_FOUND, str(report)


def test_the_serial_schedule_is_the_stock_order():
    source = """
import asyncio
async def program():
    seen = []
    async def step(number):
        seen.append(number)
        await asyncio.sleep(0)
        seen.append(number)
    await asyncio.gather(*(step(number) for number in range(3)))
    assert seen != [0, 1, 2, 0, 1, 2]
"""
    report = explore_source(source)
    assert report.stage == "serial run"


def test_a_deadlock_names_the_tasks_and_their_awaits():
    source = """\
import asyncio
async def program():
    gate = asyncio.Event()
    async def wait():
        await gate.wait()
    await asyncio.gather(asyncio.create_task(wait(), name="waiter"))
"""
    report = explore_source(source)
    assert report.failure is not None
    assert report.failure.kind is Kind.DEADLOCK
    lines = {one.task: one.place.line for one in report.waiting if one.place}
    assert lines["waiter"] == 5
    assert lines["Task-1"] == 6


def test_the_victim_is_cancelled_at_every_suspension():
    """Three awaits are three suspensions; only the second is unguarded."""
    source = """
import asyncio
async def program():
    held = []
    async def use():
        await asyncio.sleep(1)
        held.append(1)
        await asyncio.sleep(1)
        held.pop()
        await asyncio.sleep(1)
    await asyncio.wait([asyncio.create_task(use(), name="victim")])
    assert not held
"""
    report = explore_source(source)
    assert report.verdict is Verdict.FAILED
    guarded = source.replace("held.append(1)", "pass").replace("held.pop()", "pass")
    passed = explore_source(guarded, budget=SMALL)
    assert passed.verdict is Verdict.NOTHING_FOUND
    assert "the victim was cancelled at each of 3 suspensions" in passed.statement


NEWEST = """
import asyncio
async def program():
    shown = []
    async def fetch(version, seconds):
        await asyncio.sleep(seconds)
        if not shown or GUARD:
            shown[:] = [version]
    await asyncio.gather(fetch(1, FIRST), fetch(2, SECOND))
    assert shown == [2]
"""
LATE = Limits(timers_may_be_late=True)


def newest(*, guard: str, first: str = "0.1", second: str = "0.2") -> str:
    """Return a program that shows the newest of two answers, or the last one."""
    source = NEWEST.replace("GUARD", guard)
    return source.replace("FIRST", first).replace("SECOND", second)


def test_answers_change_places_only_where_latencies_may_vary():
    """The mistake takes the answer that comes last for the newest one."""
    unguarded = newest(guard="True")
    assert explore_source(unguarded).verdict is Verdict.NOTHING_FOUND
    report = explore_source(unguarded, limits=LATE)
    assert report.verdict is Verdict.FAILED
    assert report.schedule is not None
    assert len(report.schedule) == 1  # one late timer is all it takes
    assert report.token
    again = replay_source(report.token, unguarded)
    assert again.verdict is Verdict.FAILED


def test_an_answer_that_checks_its_version_may_come_late():
    guarded = newest(guard="version > shown[0]")
    assert explore_source(guarded, limits=LATE).verdict is Verdict.NOTHING_FOUND


def test_a_long_sleep_is_not_outrun_by_a_late_timer():
    """More than a second in all is no latency, it is another program."""
    source = newest(guard="True", first="1", second="10")
    assert explore_source(source, limits=LATE).verdict is Verdict.NOTHING_FOUND


def replay_source(token: str, source: str):
    """Repeat a schedule of a text."""
    text = Source(module="program", path="program.py", text=source)
    return replay(token, Program(sources=(text,), function="program"))
