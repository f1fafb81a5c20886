"""The virtual loop: exact times, honest counts, and an end to every run."""

# ruff: noqa: ANN001, ANN202, ANN204, ASYNC110 - the small programs under test read better bare

import asyncio
import contextlib
import importlib.util
import inspect
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest
from aiohttp import web

from racecourse.engine.virtual_time import (
    LoopDeadlockError,
    LoopLivelockError,
    LoopStuckError,
    VirtualClock,
    VirtualTimeLoop,
    moved_clocks,
    run,
)

TICK_S = 1e-6
HERE = __file__


def loop_of_this_run() -> VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop


def line_of(function, text):
    """Find the line of `text` inside `function`, so that tests survive edits."""
    lines, first = inspect.getsourcelines(function)
    return first + next(n for n, line in enumerate(lines) if text in line)


# Time ------------------------------------------------------------------------------


def test_a_long_sleep_takes_no_real_time_and_exact_virtual_time():
    begin = time.perf_counter()
    outcome = run(lambda: asyncio.sleep(1000, "slept"))
    assert time.perf_counter() - begin < 5
    assert outcome.result() == "slept"
    # One iteration starts the sleep, one jumps to its end, one wakes main, one stops.
    assert outcome.iterations == 4
    assert outcome.jumps == 1
    assert outcome.elapsed_s == pytest.approx(1000 + 3 * TICK_S, abs=1e-8)


def test_twelve_tasks_of_one_second_through_four_slots_take_three_seconds():
    async def main():
        slots = asyncio.Semaphore(4)

        async def job():
            async with slots:
                await asyncio.sleep(1)

        await asyncio.gather(*(job() for _ in range(12)))

    outcome = run(main)
    assert outcome.elapsed_s == pytest.approx(3.0, abs=0.001)
    assert outcome.jumps == 3


def test_a_waiting_program_hardly_turns_the_loop():
    async def main():
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(1000, done.set)
        await done.wait()

    assert run(main).iterations < 10


def test_timers_fire_in_the_order_of_their_due_times():
    async def main():
        fired = []
        loop = asyncio.get_running_loop()
        for delay in (0.3, 0.1, 0.2):
            loop.call_later(delay, fired.append, delay)
        await asyncio.sleep(0.4)
        return fired

    assert run(main).result() == [0.1, 0.2, 0.3]


def test_the_loop_clock_starts_far_from_zero():
    """A limiter whose last request was "at 0.0" must not make its first one wait."""

    async def main():
        return asyncio.get_running_loop().time()

    assert run(main).result() > 10_000


def test_re_arming_for_the_end_of_an_interval_does_not_livelock():
    """The rounding of `last + interval - now` may ask for no time at all, for ever."""

    async def main():
        loop = asyncio.get_running_loop()
        last = loop.time()
        for _ in range(1000):
            while loop.time() - last < 0.1:
                await asyncio.sleep(last + 0.1 - loop.time())
            last += 0.1

    outcome = run(main)
    assert outcome.error is None
    assert outcome.elapsed_s == pytest.approx(100, abs=0.01)


def test_a_timeout_and_a_sleep_agree_about_which_comes_first():
    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(2), 1.999)
        return await asyncio.wait_for(asyncio.sleep(2, "slept"), 2.001)

    outcome = run(main)
    assert outcome.result() == "slept"
    assert outcome.elapsed_s == pytest.approx(3.999, abs=0.001)


# The time module -------------------------------------------------------------------


def test_a_module_imported_under_moved_clocks_keeps_the_virtual_clock(tmp_path):
    """`from time import monotonic` is caught, in this run and in the next."""
    source = tmp_path / "submission.py"
    source.write_text(
        "import asyncio\n"
        "from time import monotonic, time_ns\n"
        "async def main():\n"
        "    begin = monotonic(), time_ns()\n"
        "    await asyncio.sleep(7)\n"
        "    return monotonic() - begin[0], time_ns() - begin[1]\n"
    )
    clock = VirtualClock()
    spec = importlib.util.spec_from_file_location("submission", source)
    module = importlib.util.module_from_spec(spec)
    with moved_clocks(clock):
        spec.loader.exec_module(module)
    for _ in range(2):
        seconds, ns = run(module.main, clock=clock).result()
        assert seconds == pytest.approx(7, abs=0.001)
        assert ns == pytest.approx(7e9, abs=1e6)


def test_all_clocks_agree_with_the_loop():
    async def main():
        await asyncio.sleep(1.5)
        now = asyncio.get_running_loop().time()
        assert time.monotonic() == time.perf_counter() == now
        assert time.monotonic_ns() == time.perf_counter_ns() == round(now * 1e9)
        assert time.time_ns() / 10**9 == time.time()  # noqa: TID251 - under test
        return time.time_ns() - time.monotonic_ns()

    assert run(main).result() == run(main).result()


def test_the_real_clock_is_back_after_the_block():
    before = vars(time).copy()
    with moved_clocks(VirtualClock()), moved_clocks(VirtualClock()):
        assert time.monotonic is not before["monotonic"]
    assert vars(time) == before


def test_a_blocking_sleep_is_reported_with_its_line_and_moves_the_clock_at_once():
    async def main():
        time.sleep(30)  # noqa: ASYNC251, TID251 - the mistake under test

    begin = time.perf_counter()
    outcome = run(main)
    assert time.perf_counter() - begin < 5
    (sleep,) = outcome.blocking_sleeps
    assert (sleep.seconds, sleep.file) == (30, HERE)
    assert sleep.line == line_of(main, "time.sleep(30)")
    assert outcome.elapsed_s == pytest.approx(30, abs=0.001)


def test_a_sleep_on_another_thread_is_real_and_not_reported():
    async def main():
        await asyncio.to_thread(time.sleep, 0.02)  # noqa: TID251 - under test

    begin = time.perf_counter()
    outcome = run(main)
    assert time.perf_counter() - begin >= 0.02
    assert outcome.blocking_sleeps == ()
    assert outcome.elapsed_s < 0.001


# Executor jobs ---------------------------------------------------------------------


def test_the_clock_does_not_jump_over_an_executor_job():
    async def main():
        gate = threading.Event()
        job = asyncio.ensure_future(asyncio.to_thread(gate.wait, 5))
        timer = asyncio.ensure_future(asyncio.sleep(0.001))
        threading.Timer(0.05, gate.set).start()
        done, _ = await asyncio.wait({job, timer}, return_when=asyncio.FIRST_COMPLETED)
        return done == {job}

    assert run(main).result() is True


def test_own_executors_count_as_well():
    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            jobs = [loop.run_in_executor(pool, pow, 2, n) for n in range(20)]
            return await asyncio.gather(*jobs)

    outcome = run(main)
    assert outcome.result() == [2**n for n in range(20)]
    assert outcome.elapsed_s < 0.001


def test_no_executor_thread_outlives_the_run():
    before = set(threading.enumerate())
    run(lambda: asyncio.to_thread(int))
    assert set(threading.enumerate()) == before


def test_a_job_that_never_comes_back_is_told_from_a_quiet_loop():
    gate = threading.Event()

    async def main():
        await asyncio.to_thread(gate.wait, 30)

    loop = VirtualTimeLoop(job_patience_s=0.05)
    try:
        with pytest.raises(LoopDeadlockError, match="executor job did not come back"):
            loop.run_until_complete(main())
    finally:
        gate.set()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_the_loop_serves_the_standard_runner_too():
    """Its close shuts the executor down with a timeout; 3.13 must not see it pass."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(asyncio.to_thread(lambda: 42)) == 42


# Stuck -----------------------------------------------------------------------------


async def waits_for_ever(gate):
    await gate.wait()  # the student's await


def test_a_deadlock_names_the_students_await_and_not_the_librarys():
    async def main():
        await asyncio.create_task(waits_for_ever(asyncio.Event()), name="waiter")

    error = run(main, patience_s=0.05).error
    assert isinstance(error, LoopDeadlockError)
    waits = {wait.task: wait for wait in error.waits}
    assert len(waits) == 2
    where = waits["waiter"].where
    line = line_of(waits_for_ever, "the student's await")
    assert (where.file, where.line) == (HERE, line)
    assert where.function == "waits_for_ever"
    assert waits["waiter"].frames[-1].function == "wait"  # asyncio's own
    assert f"waiter at test_virtual_time.py:{line} in waits_for_ever" in str(error)


def test_waits_are_followed_through_generators_wrappers_and_context_managers():
    class Wrapped:
        def __init__(self, gate):
            self.gate = gate

        def __await__(self):
            return waits_for_ever(self.gate).__await__()

    async def numbers(gate):
        yield 1
        await Wrapped(gate)

    async def main():
        async for _ in numbers(asyncio.Event()):
            pass

    error = run(main, patience_s=0.05).error
    assert isinstance(error, LoopDeadlockError)
    functions = [frame.function for frame in error.waits[0].frames]
    assert functions == ["main", "numbers", "waits_for_ever", "wait"]
    assert error.waits[0].within(HERE).function == "waits_for_ever"
    assert error.waits[0].within("elsewhere.py") is None


def test_a_livelock_ends_at_the_limit_and_shows_who_was_waiting():
    async def main():
        while True:
            await asyncio.sleep(0)

    outcome = run(main, iteration_limit=500)
    assert isinstance(outcome.error, LoopLivelockError)
    assert outcome.error.waits[0].where.function == "main"
    assert "no end after 500 loop iterations" in str(outcome.error)


def test_a_task_that_refuses_to_die_does_not_hang_the_run():
    async def main():
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    assert isinstance(run(main, iteration_limit=100).error, LoopStuckError)


def test_a_wake_up_from_another_thread_is_not_a_deadlock():
    async def main():
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        threading.Timer(0.05, loop.call_soon_threadsafe, [done.set]).start()
        await done.wait()

    assert run(main).error is None


# Iterations ------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(6))
def test_a_call_back_comes_after_exactly_k_iterations(k):
    async def main():
        loop = loop_of_this_run()
        begun = loop.iterations
        turns, seen = [], []
        loop.at_iteration(k, lambda: seen.append((loop.iterations, len(turns))))
        for _ in range(8):
            await asyncio.sleep(0)
            turns.append(None)
        return seen, begun

    seen, begun = run(main).result()
    # Between iterations begun + k and the next: main has turned exactly k times.
    assert seen == [(begun + k, k)]


def test_the_tick_sweep_cancels_a_task_that_nothing_else_would_wake():
    async def main(k):
        loop = loop_of_this_run()
        task = asyncio.ensure_future(waits_for_ever(asyncio.Event()))
        loop.at_iteration(k, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return loop.iterations

    ends = [run(lambda k=k: main(k)).result() for k in range(21)]
    assert ends[2:] == list(range(ends[2], ends[2] + 19))


def test_a_jump_is_an_iteration_like_any_other():
    async def main():
        loop = loop_of_this_run()
        begun = loop.time()
        at = []
        loop.at_iteration(1, lambda: at.append(loop.time() - begun))
        loop.at_iteration(2, lambda: at.append(loop.time() - begun))
        await asyncio.sleep(5)
        await asyncio.sleep(5)
        return at

    before, after = run(main).result()
    assert before == pytest.approx(5, abs=0.001)  # the iteration that jumped is over
    assert after == pytest.approx(5, abs=0.001)


# Real sockets ----------------------------------------------------------------------


async def fetch_twenty():
    """Twenty requests, five at a time, to a server that takes 0.5 s for each."""
    in_flight = high_water = 0

    async def answer(request):
        nonlocal in_flight, high_water
        in_flight += 1
        high_water = max(high_water, in_flight)
        await asyncio.sleep(0.5)
        in_flight -= 1
        return web.Response(text=request.match_info["n"] * 10_000)

    app = web.Application()
    app.router.add_get("/{n}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    begin = time.monotonic()
    try:
        connector = aiohttp.TCPConnector(limit=5)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def get(n):
                async with session.get(f"http://127.0.0.1:{port}/{n}") as response:
                    return len(await response.text())

            lengths = await asyncio.gather(*map(get, range(20)))
        return lengths, high_water, time.monotonic() - begin
    finally:
        await runner.cleanup()


def test_a_real_client_and_server_share_one_virtual_loop():
    outcome = run(fetch_twenty, settle_s=1)
    lengths, high_water, seconds = outcome.result()
    assert lengths == [10_000] * 10 + [20_000] * 10
    assert high_water == 5
    assert seconds == pytest.approx(2.0, abs=0.1)
    assert outcome.leftovers == ()
    assert outcome.reports == ()


def test_the_python_versions_this_was_measured_on():
    """The iteration counts above are stated for these; a new version must be read."""
    assert sys.version_info[:2] in {(3, 11), (3, 12), (3, 13)}
