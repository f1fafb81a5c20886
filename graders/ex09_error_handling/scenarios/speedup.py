"""Driver code for speed: nobody waits for what does not concern them."""

import asyncio
import time

from scenarios.jobs import LONG_S, REAL_S, Stuck, job, until
from solution import run_all, run_all_threads

from racecourse.sandbox import stage, virtual


def makespan(limit, durations, name):
    """Run jobs of these durations; return the virtual seconds from first to last."""
    return virtual.run(_makespan(limit, durations, name))


async def _makespan(limit, durations, name):
    async def sleep(number):
        with stage.inside(name, job=number):
            await asyncio.sleep(durations[number])
        return number

    loop = asyncio.get_running_loop()
    start = loop.time()
    jobs = {f"job {n}": job(sleep, n) for n in range(len(durations))}
    outcomes = await run_all(jobs, limit=limit)
    values = [outcome.value for outcome in outcomes.values()]
    return {"seconds": loop.time() - start, "values": values}


def meeting(workers, times):
    """Run jobs that end only when `workers` of them are there together."""

    def meet(_token):
        return stage.meet("all workers", parties=workers, within_s=5)

    jobs = {f"job {n}": meet for n in range(workers * times)}
    outcomes = run_all_threads(jobs, workers=workers)
    return [outcome.value for outcome in outcomes.values()]


def first_and_last(workers, between):
    """Run a job that ends only when the last one has come, and some between them."""

    def meet(_token):
        return stage.meet("first and last", parties=2, within_s=5)

    jobs = {"first": meet}
    jobs |= {f"job {n}": lambda _token: True for n in range(between)}
    jobs["last"] = meet
    outcomes = run_all_threads(jobs, workers=workers)
    return [outcome.value for outcome in outcomes.values()]


def one_slow_to_stop(count, timeout, tidy_s):
    """Let all jobs run out of time, and the first of them take long to stop."""
    return virtual.run(_one_slow_to_stop(count, timeout, tidy_s))


async def _one_slow_to_stop(count, timeout, tidy_s):  # noqa: ASYNC109 - the submission's
    loop = asyncio.get_running_loop()
    start, stopped_s = loop.time(), {}

    async def sleep(number):
        try:
            await asyncio.sleep(LONG_S)
        finally:
            stopped_s[number] = loop.time() - start
            await asyncio.sleep(0 if number else tidy_s)

    jobs = {f"job {n}": job(sleep, n) for n in range(count)}
    outcomes = await run_all(jobs, limit=count, timeout=timeout)
    return {
        "stopped_s": [stopped_s.get(number) for number in range(count)],
        "statuses": [outcome.status for outcome in outcomes.values()],
        "took_s": loop.time() - start,
    }


def one_stuck_thread(count, timeout):
    """Let all jobs in threads run out of time, the first of which hears nothing.

    Returns how long after its beginning each of the others was told to stop.
    """
    told_s = []

    def obeys(token):
        begun = time.monotonic()
        token.wait(REAL_S)
        told_s.append(time.monotonic() - begun)
        token.raise_if_cancelled()

    jobs = {"stuck": Stuck(), **{f"job {n}": obeys for n in range(count)}}
    outcomes = run_all_threads(jobs, workers=len(jobs), timeout=timeout)
    # Before the stuck one is let go: what it does then is R2's.
    statuses = [outcome.status for outcome in outcomes.values()]
    stage.note("returned")
    until(lambda: len(told_s) == count, within_s=REAL_S / 4)
    return {"statuses": statuses, "told_s": told_s}
