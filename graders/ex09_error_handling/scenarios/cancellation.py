"""Driver code for stopping: by the caller, by a failure, by a token, by Ctrl-C."""

import asyncio
import threading
import time

from scenarios.jobs import (
    LONG_S,
    REAL_S,
    Hiccup,
    Mishap,
    fail,
    job,
    obey,
    rows,
    tidy,
    until,
    work,
)
from solution import CancelToken, run_all, run_all_threads

from racecourse.engine.task_waits import waits_of
from racecourse.sandbox import stage, virtual

# The caller is cancelled: X1, X2.


def called_off(moments_s, options, story):
    """Cancel the caller at one or more moments, while jobs run, wait and try again."""
    return virtual.run(_called_off(moments_s, options, story), settle_s=2)


async def _called_off(moments_s, options, story):
    loop = asyncio.get_running_loop()
    jobs = {"tries again": job(fail, Hiccup(), 0.5)}
    jobs |= {f"job {n}": job(tidy, story) for n in range(6)}

    async def call():
        try:
            await run_all(jobs, limit=3, retries=3, backoff=LONG_S / 2, **options)
        finally:
            stage.note(story, what="over")

    caller = asyncio.ensure_future(call())
    for moment_s in moments_s:
        loop.call_later(moment_s, caller.cancel)
    await asyncio.wait([caller], timeout=LONG_S / 2)
    return {"over": caller.done(), "cancelled": caller.cancelled()}


def cancel_at_each_tick(ticks, fails, options):
    """Cancel a call after 0, 1, 2, ... iterations of the loop, each time a new one."""
    return virtual.run(_cancel_at_each_tick(ticks, fails, options))


async def _cancel_at_each_tick(ticks, fails, options):
    return [await _cancel_after(tick, fails, options) for tick in range(ticks)]


async def _cancel_after(ticks, fails, options):
    loop = asyncio.get_running_loop()
    begun, ended, cancelled = [], [], asyncio.Event()
    asked = []

    async def live():
        begun.append(loop.time())
        try:
            await work_and_tidy()
        finally:  # whichever of its awaits was interrupted
            ended.append(loop.iterations)

    async def work_and_tidy():
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            if fails:
                raise Hiccup
        finally:
            for _ in range(2):
                await asyncio.sleep(0)

    others = asyncio.all_tasks()
    jobs = {f"job {n}": live for n in range(3)}
    call = asyncio.ensure_future(run_all(jobs, limit=2, **options))

    def cancel():
        asked.append(_uses_wait_for(loop))
        asked.extend([call.cancel(), loop.iterations, loop.time()])
        cancelled.set()

    loop.at_iteration(ticks, cancel)
    await asyncio.wait([call], timeout=LONG_S)
    left = len(asyncio.all_tasks() - others - {call})
    seen = [len(begun), len(ended)]
    await cancelled.wait()
    await asyncio.sleep(LONG_S)  # whoever was left running begins and ends now
    uses_wait_for, due, at, at_s = asked
    late = sum(each > at_s + 0.001 for each in begun)  # a thousand ticks
    return {
        "due": due,  # False: it was over before
        "uses wait_for": uses_wait_for,
        "ready": any(0 <= at - end <= 4 for end in ended),  # about when a job had ended
        "how": _ending_of(call),
        "begun": seen[0],
        "ended": seen[1],
        "left": left,
        "begun later": max(late, len(begun) - seen[0]),
    }


def _uses_wait_for(loop):
    """Whether a task is in asyncio.wait_for at this moment."""
    frames = [frame for wait in waits_of(loop) for frame in wait.frames]
    where = asyncio.tasks.__file__
    return any((frame.function, frame.file) == ("wait_for", where) for frame in frames)


def _ending_of(call):
    if not call.done():
        call.cancel()
        return "went on"
    if call.cancelled():
        return "CancelledError"
    return "returned" if call.exception() is None else type(call.exception()).__name__


# A failure stops the others: X3.


def failing_among_others(story):
    """Let a job fail while others run and wait."""
    return virtual.run(_failing_among_others(story), settle_s=LONG_S)


async def _failing_among_others(story):
    jobs = {f"job {n}": job(tidy, story) for n in range(3)}
    jobs |= {"fails": job(fail, Mishap()), "waits": job(tidy, story)}
    try:
        await run_all(jobs, limit=4, fail_fast=True)
    except ExceptionGroup as group:
        return [type(error).__name__ for error in group.exceptions]
    finally:
        stage.note(story, what="over")


def thread_failing_among_others():
    """Let a job in a thread fail while others run; return what had happened by then."""
    running, steps = threading.Barrier(3), []

    def tidies(token):
        running.wait(REAL_S)
        token.wait(REAL_S)
        time.sleep(0.02)  # noqa: TID251 - the clean-up itself
        steps.append("cleaned up")
        token.raise_if_cancelled()

    def fails(_token):
        running.wait(REAL_S)
        raise Mishap

    raised = None
    try:
        run_all_threads(
            {"job 0": tidies, "fails": fails, "job 1": tidies},
            workers=3,
            fail_fast=True,
        )
    except ExceptionGroup as group:
        raised = [type(error).__name__ for error in group.exceptions]
    return {"raised": raised, "steps": [*steps]}


# The caller's own timeout: X4.


def caller_gives_up(with_wait_for, options, value, story):
    """Put a timeout around a call; then call again."""
    return virtual.run(
        _caller_gives_up(with_wait_for, options, value, story), settle_s=2
    )


async def _caller_gives_up(with_wait_for, options, value, story):
    jobs = {f"job {n}": job(tidy, story) for n in range(3)}
    how = "nothing"
    try:
        if with_wait_for:
            await asyncio.wait_for(run_all(jobs, **options), 1)
        else:
            async with asyncio.timeout(1):
                await run_all(jobs, **options)
    except (TimeoutError, asyncio.CancelledError) as error:
        how = type(error).__name__
    stage.note(story, what="over")
    again = await run_all({"one": job(work, value), "two": job(work, None)}, limit=1)
    return {"how": how, "again": rows(again)}


def caller_is_patient(value):
    """Put a timeout around a call that ends by its own deadline, and around more."""
    return virtual.run(_caller_is_patient(value))


async def _caller_is_patient(value):
    seen = {"rows": None, "how": "nothing"}
    try:
        async with asyncio.timeout(5):
            jobs = {"quick": job(work, value), "slow": job(asyncio.sleep, LONG_S)}
            seen["rows"] = rows(await run_all(jobs, deadline=2))
            await asyncio.sleep(LONG_S)
    except (TimeoutError, asyncio.CancelledError) as error:
        seen["how"] = type(error).__name__
    return seen


# Tokens, and what is no Exception: X5.


def stopped_by_token(value):
    """Set the caller's token while some jobs run and others wait."""
    token = CancelToken()

    def stop():
        stage.wait("stop")
        stage.note("set")
        token.cancel()

    def noted(job):
        def run(own):
            stage.note("began")
            return job(own)

        return run

    def returns(own):
        own.wait(REAL_S)
        return value

    def looks(own):
        until(lambda: own.cancelled, within_s=REAL_S)

    kinds = {"obeys": obey, "returns": returns, "looks": looks}
    jobs = {name: noted(kind) for name, kind in kinds.items()}
    jobs |= {"waits": noted(obey), "waits too": noted(obey)}
    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    outcomes = run_all_threads(jobs, workers=3, cancel=token)
    stage.note("returned")
    stopper.join()
    return {"rows": rows(outcomes), "again": _set_before(token)}


def _set_before(token):
    jobs = {"one": lambda _own: stage.note("began late"), "two": obey}
    return rows(run_all_threads(jobs, cancel=token))


def no_exception(kinds):
    """Let a job raise what is no Exception, in a thread and as a coroutine."""
    made = {"KeyboardInterrupt": KeyboardInterrupt, "SystemExit": SystemExit}
    return [
        [_raised(call, made[kind]) for call in (_in_threads, _as_coroutines)]
        for kind in kinds
    ]


def _raised(call, kind):
    """Tell what came out of the call, and how many jobs had been stopped by then."""
    stopped, raised = [], "nothing"
    try:
        call(kind, stopped)
    except BaseException as error:  # noqa: BLE001 - its name is the answer
        raised = type(error).__name__
    return [raised, len(stopped)]


def _in_threads(kind, stopped):
    running = threading.Barrier(3)

    def waits(own):
        running.wait(REAL_S)
        own.wait(REAL_S)
        stopped.append("in a thread")

    def kills(_own):
        running.wait(REAL_S)
        raise kind

    run_all_threads({"one": waits, "kills": kills, "two": waits}, workers=3)


def _as_coroutines(kind, stopped):
    async def waits():
        try:
            await asyncio.sleep(REAL_S)
        finally:
            stopped.append("in a coroutine")

    async def kills():
        await asyncio.sleep(0.02)
        raise kind

    asyncio.run(run_all({"one": waits, "kills": kills, "two": waits}))
