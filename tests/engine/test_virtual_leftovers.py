"""What a run in virtual time leaves behind is found, told, and cleaned up."""

# ruff: noqa: ANN001, ANN202 - the small programs under test read better bare

import asyncio

import pytest

from racecourse.engine.virtual_time import run


async def waits_for_ever(gate):
    await gate.wait()


def test_leftover_tasks_are_listed_with_their_lines_before_they_are_cancelled():
    ended = []

    async def stays(gate):
        try:
            await waits_for_ever(gate)
        finally:
            await asyncio.sleep(30)  # clean-up in virtual time, still awaited
            ended.append("cleaned")

    async def main():
        task = asyncio.create_task(stays(asyncio.Event()), name="stays")
        await asyncio.sleep(0)
        return task.get_name()

    outcome = run(main)
    assert outcome.result() == "stays"
    (left,) = outcome.leftovers
    assert (left.task, left.where.function) == ("stays", "waits_for_ever")
    assert ended == ["cleaned"]


def test_settling_time_lets_cancelled_tasks_finish():
    async def cleans_up():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0.5)

    async def main():
        task = asyncio.ensure_future(cleans_up())
        await asyncio.sleep(0)
        task.cancel()

    assert len(run(main).leftovers) == 1
    assert run(main, settle_s=1).leftovers == ()


def test_an_exception_nobody_retrieves_is_reported():
    async def fails():
        raise ValueError("lost")

    async def main():
        task = asyncio.create_task(fails(), name="lost")
        await asyncio.wait({task})

    (report,) = run(main).reports
    assert report.message == "Task exception was never retrieved"
    assert (report.error, report.task) == ("ValueError: lost", "lost")


def test_an_exception_kept_alive_only_by_mains_own_is_reported_too():
    async def fails():
        raise ValueError("lost")

    async def main():
        task = asyncio.ensure_future(fails())
        await asyncio.wait({task})
        raise KeyError("main")

    outcome = run(main)
    assert isinstance(outcome.error, KeyError)
    assert [report.error for report in outcome.reports] == ["ValueError: lost"]


def test_reports_reach_the_submissions_own_handler_as_well():
    heard = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(context["message"]))
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    assert [report.error for report in run(main).reports] == [
        "ZeroDivisionError: division by zero"
    ]
    assert len(heard) == 1


def test_a_coroutine_never_awaited_is_caught_and_not_printed(capsys):
    async def forgotten():
        pass

    async def main():
        forgotten()

    (warning,) = run(main).never_awaited
    assert "forgotten" in warning.message
    assert capsys.readouterr().err == ""


def test_a_clean_run_has_nothing_to_tell():
    outcome = run(lambda: asyncio.sleep(1))
    told = (outcome.reports, outcome.leftovers, outcome.warnings)
    assert told == ((), (), ())
    assert outcome.blocking_sleeps == ()


@pytest.mark.parametrize(
    "error", [ValueError("x"), asyncio.CancelledError(), KeyboardInterrupt()]
)
def test_whatever_main_raises_is_recorded(error):
    async def main():
        raise error

    outcome = run(main)
    assert type(outcome.error) is type(error)
    with pytest.raises(type(error)):
        outcome.result()
