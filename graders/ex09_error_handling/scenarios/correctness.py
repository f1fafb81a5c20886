"""Driver code for the correctness of both halves: how jobs end, and what is kept of it.

Coroutines run in virtual time; threads really wait, but for tenths of a second. The
scenarios stand in the order of the checks.
"""

import asyncio
import functools
import traceback

from scenarios.jobs import (
    LONG_S,
    REAL_S,
    Hiccup,
    Mishap,
    Stuck,
    fail,
    job,
    leaves,
    obey,
    rows,
    told,
    until,
    work,
)
from solution import CancelToken, run_all, run_all_threads

from racecourse.sandbox import stage, virtual

# Five endings: C1.


def endings(kinds, value, text, timeout):
    """Run a job of each kind, in this order; return how each ended."""
    return virtual.run(_endings(kinds, value, text, timeout))


async def _endings(kinds, value, text, timeout):  # noqa: ASYNC109 - the submission's
    jobs = {
        "a value": job(work, value),
        "None": job(work, None),
        "a future": functools.partial(_future, value),
        "an error": job(fail, Mishap(text)),
        "an error at the call": job(_misses, text),
        "a TimeoutError of its own": job(fail, TimeoutError(text)),
        "a timeout of its own": _times_out_inside,
        "too slow": job(work, value, LONG_S),
        "too slow, and tidy": _tidies_up,
        "CancelledError": job(fail, asyncio.CancelledError()),
        "a cancelled task": _awaits_a_cancelled_task,
    }
    outcomes = await run_all(
        {kind: jobs[kind] for kind in kinds}, limit=len(kinds), timeout=timeout
    )
    return rows(outcomes)


def _future(value):
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def _misses(text):
    raise Mishap(text)


async def _times_out_inside():
    async with asyncio.timeout(0.5):
        await asyncio.sleep(LONG_S)


async def _tidies_up():
    try:
        await asyncio.sleep(LONG_S)
    finally:
        await asyncio.sleep(0.25)


async def _awaits_a_cancelled_task():
    task = asyncio.ensure_future(asyncio.sleep(LONG_S))
    asyncio.get_running_loop().call_later(0.5, task.cancel)
    await task


def in_line(count, seconds, timeout):
    """Run jobs one after the other, each of which is in time once it has begun."""
    return virtual.run(_in_line(count, seconds, timeout))


async def _in_line(count, seconds, timeout):  # noqa: ASYNC109 - the submission's
    jobs = {f"job {n}": job(work, n, seconds) for n in range(count)}
    return rows(await run_all(jobs, limit=1, timeout=timeout))


# Retries: C2.


def retries(value, text, retries, backoff):
    """Let jobs fail in ways that heal and in ways that do not."""
    return virtual.run(_retries(value, text, retries, backoff))


async def _retries(value, text, retries, backoff):
    times = []

    def steps(*each):
        """Make a job whose n-th attempt is the n-th of these, the last one for ever."""
        made = iter(range(len(each)))

        def attempt():
            number = next(made, len(each) - 1)
            return each[number](f"{text} {number + 1}")

        return attempt

    async def noted(attempt):
        begun = asyncio.get_running_loop().time()
        try:
            await attempt
        finally:
            times.append([begun, asyncio.get_running_loop().time()])

    hiccups = [lambda words: fail(Hiccup(words))] * (retries + 1)
    slow = functools.partial(asyncio.sleep, LONG_S)
    jobs = {
        "heals": steps(*hiccups[:2], lambda _: work(value)),
        "never heals": steps(*hiccups),
        "is watched": steps(*[lambda w: noted(fail(Hiccup(w)))] * (retries + 1)),
        "times out by itself": steps(lambda _: fail(TimeoutError(text))),
        "is always too slow": slow,
        "is too slow once": steps(lambda _: slow(), lambda _: work(value)),
        "is too slow, then wrong": steps(lambda _: slow(), lambda w: fail(Mishap(w))),
        "is wrong": steps(lambda w: fail(Mishap(w))),
        "cancels itself": steps(lambda _: fail(asyncio.CancelledError())),
    }
    outcomes = await run_all(
        jobs, limit=5 * len(jobs), timeout=2, retries=retries, backoff=backoff
    )
    return {"rows": rows(outcomes), "times": times}


def retries_of_a_kind(text):
    """Ask for retries after KeyError only, and then for none."""
    return virtual.run(_retries_of_a_kind(text))


async def _retries_of_a_kind(text):
    jobs = {
        "asked for": job(fail, KeyError(text)),
        "not asked for": job(fail, Hiccup(text)),
        "too slow": job(asyncio.sleep, LONG_S),
    }
    some = await run_all(jobs, timeout=2, retries=1, retry_on=(KeyError,))
    none = await run_all(jobs, timeout=2)
    return [rows(some), rows(none)]


# Deadlines: C3.


def deadline(seconds, deadline, limit, tidy_s):
    """Run jobs that take so long; return how they ended and how long it took."""
    return virtual.run(_deadline(seconds, deadline, limit, tidy_s))


async def _deadline(seconds, deadline, limit, tidy_s):
    cleaned = []

    async def sleep(number, seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            await asyncio.sleep(tidy_s)
            cleaned.append(number)
            raise
        return number

    jobs = {f"job {n}": job(sleep, n, each) for n, each in enumerate(seconds)}
    start = asyncio.get_running_loop().time()
    outcomes = await run_all(jobs, limit=limit, deadline=deadline)
    took_s = asyncio.get_running_loop().time() - start
    return {"rows": rows(outcomes), "took_s": took_s, "cleaned": sorted(cleaned)}


def deadline_between_attempts(deadline):
    """Let the deadline come while a job waits for its next attempt."""
    return virtual.run(_deadline_between_attempts(deadline))


async def _deadline_between_attempts(deadline):
    start = asyncio.get_running_loop().time()
    jobs = {"job": job(fail, Hiccup("no"), 0.5)}
    outcomes = await run_all(jobs, deadline=deadline, retries=5, backoff=LONG_S)
    took_s = asyncio.get_running_loop().time() - start
    return {"rows": rows(outcomes), "took_s": took_s}


# Fail fast: C4.


def failing_fast(texts):
    """Let several jobs fail in the same tick; return what came out, and when."""
    return virtual.run(_failing_fast(texts))


async def _failing_fast(texts):
    errors = [Mishap(text) for text in texts]
    jobs = {
        "slow": job(work, 0, LONG_S),
        "early": job(work, 0, 0.5),
        **{f"fails {n}": job(fail, error) for n, error in enumerate(errors)},
        "slower": job(work, 0, 2 * LONG_S),
        "cancels itself": job(fail, asyncio.CancelledError(), 0.5),
    }
    start = asyncio.get_running_loop().time()
    seen = {"raised": None, "same": 0}
    try:
        await run_all(jobs, fail_fast=True)
    except BaseExceptionGroup as group:
        seen["raised"] = sorted(map(told, leaves(group)))
        seen["same"] = sum(error in errors for error in leaves(group))
        seen["only errors"] = isinstance(group, ExceptionGroup)
    return {**seen, "took_s": asyncio.get_running_loop().time() - start}


def nothing_final(value):
    """Ask for fail_fast where no job ends with an error."""
    return virtual.run(_nothing_final(value))


async def _nothing_final(value):
    attempts = iter([Hiccup("once"), None])

    async def heals():
        await asyncio.sleep(0.5)
        error = next(attempts)
        if error is not None:
            raise error
        return value

    jobs = {
        "heals": heals,
        "too slow": job(work, value, LONG_S),
        "cancels itself": job(fail, asyncio.CancelledError()),
        "works": job(work, value, 1.5),
    }
    try:
        outcomes = await run_all(jobs, timeout=2, retries=1, fail_fast=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, none is due
        return {"raised": told(error)}
    return {"rows": rows(outcomes)}


def threads_failing_fast(text):
    """Let one thread fail while others wait to be stopped."""
    error = Mishap(text)

    def misses(_token):
        raise error

    jobs = {"obeys": obey, "fails": misses, "obeys too": obey}
    try:
        run_all_threads(jobs, workers=3, fail_fast=True)
    except BaseExceptionGroup as group:
        return [list(map(told, leaves(group))), error in leaves(group)]
    return None


# Threads: C5.


def thread_endings(kinds, value, text, timeout, stuck):
    """Run a job of each kind in a thread, and some that are stuck."""
    hopeless, told_to_stop = Stuck(), []
    error = Mishap(text)

    def misses(_token, raised=error):
        raise raised

    def obeys(token):
        told_to_stop.append(token.wait(REAL_S))
        token.raise_if_cancelled()

    def obeys_with_a_value(token):
        told_to_stop.append(token.wait(REAL_S))
        return value

    def looks_now_and_then(token):
        until(lambda: token.cancelled, within_s=REAL_S)
        told_to_stop.append(token.cancelled)
        token.raise_if_cancelled()

    jobs = {
        "a value": lambda _token: value,
        "None": lambda _token: None,
        "an error": misses,
        "a TimeoutError of its own": functools.partial(
            misses, raised=TimeoutError(text)
        ),
        "too slow": obeys,
        "too slow, with a value": obeys_with_a_value,
        "too slow, looking": looks_now_and_then,
    }
    chosen = {kind: jobs[kind] for kind in kinds}
    chosen |= {f"stuck {number}": hopeless for number in range(stuck)}
    stage.note("called")
    outcomes = run_all_threads(chosen, workers=len(chosen), timeout=timeout)
    # Before the stuck ones are let go: what they do then is R2's.
    ended = rows(outcomes)
    stage.note("returned")
    same = outcomes["an error"].error is error
    until(lambda: len(told_to_stop) == 3, within_s=REAL_S / 4)
    return {"rows": ended, "same": same, "heard": told_to_stop}


def next_in_line(value, timeout):
    """Run two jobs on one worker, of which the first is stuck."""
    jobs = {"stuck": Stuck(), "next": lambda _token: value}
    outcomes = rows(run_all_threads(jobs, workers=1, timeout=timeout))
    stage.note("returned")
    return outcomes


def thread_deadline(deadline):
    """Let the deadline come while one job runs and another waits."""
    jobs = {"runs": obey, "waits": obey}
    return rows(run_all_threads(jobs, workers=1, deadline=deadline))


# Errors: C6.


def _goes_wrong(text):
    try:
        {}[text]
    except KeyError as error:
        raise Mishap(text) from error


def kept_errors(text):
    """Let a coroutine go wrong, one be tidied up wrongly, and one stop the rest."""
    return virtual.run(_kept_errors(text), settle_s=1)


async def _kept_errors(text):
    async def misses():
        await asyncio.sleep(1)
        _goes_wrong(text)

    async def cleans_up_badly():
        try:
            await asyncio.sleep(LONG_S)
        finally:
            raise Mishap(text)

    jobs = {"wrong": misses, "slow": cleans_up_badly}
    outcomes = await run_all(jobs, deadline=2)
    seen = [_description(outcomes["wrong"].error)]
    try:
        await run_all({**jobs, "also": misses}, fail_fast=True)
    except ExceptionGroup as group:
        seen.append(_description(next(leaves(group))))
    return seen


def kept_errors_of_threads(text):
    """Let a thread go wrong."""
    outcomes = run_all_threads({"wrong": lambda _token: _goes_wrong(text)})
    return _description(outcomes["wrong"].error)


def _description(error):
    """Tell of an exception what is lost when only its text is kept."""
    if not isinstance(error, BaseException):
        return [type(error).__name__, "", "", False]
    frames = traceback.extract_tb(error.__traceback__)
    there = any(frame.name == "_goes_wrong" for frame in frames)
    return [type(error).__name__, str(error), type(error.__cause__).__name__, there]


# Edges: C7.


def edges(wrong, wrong_for_threads):
    """Call with arguments that make no sense, and without any job."""
    seen = virtual.run(_edges(wrong))
    if seen["value"]:
        seen["value"]["threads"] = [
            _refusal(run_all_threads, _noted, **case) for case in wrong_for_threads
        ]
        token = CancelToken()
        empty = [run_all_threads({}), run_all_threads({}, cancel=token, deadline=1)]
        seen["value"]["empty"] += [outcomes == {} for outcomes in empty]
    return seen


def _noted(*_):
    stage.note("started all the same")


async def _edges(wrong):
    async def call(job, **case):
        await run_all({"job": job}, **case)

    async def noted():
        _noted()

    refused = []
    for case in wrong:
        try:
            await call(noted, **case)
        except ValueError:
            refused.append("ValueError")
        else:
            refused.append("accepted")
    empty = [await run_all({}), await run_all({}, deadline=1, fail_fast=True)]
    return {"coroutines": refused, "empty": [outcomes == {} for outcomes in empty]}


def _refusal(call, job, **case):
    try:
        call({"job": job}, **case)
    except ValueError:
        return "ValueError"
    return "accepted"
