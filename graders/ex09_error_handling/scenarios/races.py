"""Driver code for the races: slots, outcomes and tokens that many reach for at once."""

import asyncio
import threading
import time

from scenarios.jobs import LONG_S, Hiccup, Mishap, Stuck, rows
from solution import CancelToken, run_all, run_all_threads

from racecourse.sandbox import stage, stalling, virtual

_WITHIN_S = 2.0  # real: for what must happen at once

# Coroutines: R1.


def crowd(kinds, limit, retries, timeout):
    """Run many jobs that end, or try again, in every way there is."""
    return virtual.run(_crowd(kinds, limit, retries, timeout))


async def _crowd(kinds, limit, retries, timeout):  # noqa: ASYNC109 - the submission's
    def make(number, kind, seconds, tidy_s):
        tries = iter(range(retries + 1))

        async def attempt():
            with stage.inside("attempt"):
                try:
                    await asyncio.sleep(LONG_S if kind == "timeout" else seconds)
                    if kind == "never" or (kind == "heals" and next(tries) == 0):
                        raise Hiccup
                    if kind == "error":
                        raise Mishap
                    if kind == "cancel":
                        raise asyncio.CancelledError
                    return number
                finally:
                    await asyncio.sleep(tidy_s)

        return attempt

    jobs = {f"job {n}": make(n, *each) for n, each in enumerate(kinds)}
    return rows(
        await run_all(jobs, limit=limit, retries=retries, timeout=timeout, backoff=0.3)
    )


# Threads: R2.


def thread_crowd(name, values, bad, workers):
    """Run more jobs than workers, some of which raise; each is known to the stage."""
    never = threading.Event()

    def make(number, value):
        def work(_token):
            with stage.inside(name, job=number):
                never.wait(0.006)  # long enough for one more than allowed to come in
                if number in bad:
                    raise Mishap(value)
                return value

        return work

    jobs = {f"job {n}": make(n, value) for n, value in enumerate(values)}
    return rows(stalling.solution().run_all_threads(jobs, workers=workers))


def close_finish(values, timeout):
    """Let jobs end at about the moment at which their time is up.

    Each returns its value, and whether it had been told to stop when it returned.
    """

    def make(value, share):
        def work(token):
            stalling.pause(lambda: token.cancelled, at_most_s=timeout * share)
            return [value, token.cancelled]

        return work

    shares = (0.9, 1.0, 1.1)
    jobs = {
        f"job {n}": make(value, shares[n % len(shares)])
        for n, value in enumerate(values)
    }
    return rows(
        stalling.solution().run_all_threads(jobs, workers=len(jobs), timeout=timeout)
    )


def late_finish(value, timeout):
    """Let a job end long after it was given up; return the outcomes before and after."""
    stuck = Stuck()
    jobs = {"stuck": stuck, "quick": lambda _token: value}
    outcomes = run_all_threads(jobs, timeout=timeout)
    before = rows(outcomes)
    stage.note("returned")
    stage.wait("go")
    for thread in stuck.threads:  # what it does at its end is the matter here
        thread.join(_WITHIN_S)
    return [before, rows(outcomes)]


# Tokens: R3.


def token_crowd(waiters, cancellers):
    """Wait for a token in several threads, and set it in several others."""
    token = stalling.solution().CancelToken()
    heard, start = [], threading.Barrier(waiters + cancellers)

    def wait(number):
        start.wait(_WITHIN_S)
        # With and without a timeout: two ways through `wait`.
        heard.append(token.wait(10 * _WITHIN_S if number % 2 else None))

    def cancel():
        start.wait(_WITHIN_S)
        stalling.pause(at_most_s=0.003)
        token.cancel()

    threads = [
        threading.Thread(target=wait, args=[number], daemon=True)
        for number in range(waiters)
    ]
    threads += [threading.Thread(target=cancel) for _ in range(cancellers)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _WITHIN_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return [list(heard), token.cancelled, _stops(token)]


def _stops(token):
    """Whether a job that asks would be stopped."""
    try:
        token.raise_if_cancelled()
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__
    return "went on"


def one_token(wait_s):
    """Use a token alone: before it is set, and after."""
    token = CancelToken()
    before = [token.cancelled, _stops(token)]
    begun = time.monotonic()
    before.append(token.wait(wait_s))
    waited_s = time.monotonic() - begun
    token.cancel()
    token.cancel()
    after = [token.cancelled, _stops(token), token.wait(wait_s), token.wait()]
    return {"before": before, "waited_s": waited_s, "after": after}


def sleepers(count, seconds):
    """Let threads wait for a token for some time; return how often each one woke up."""
    token, woke = CancelToken(), []

    def wait():
        before = _wake_ups()
        token.wait()
        woke.append(_wake_ups() - before)

    threads = [threading.Thread(target=wait) for _ in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)  # noqa: TID251 - the time during which they sleep
    token.cancel()
    for thread in threads:
        thread.join()
    return woke


def _wake_ups():
    """How often this thread has gone to sleep so far; 0 where nobody counts."""
    import resource  # noqa: PLC0415 - not everywhere

    who = getattr(resource, "RUSAGE_THREAD", None)
    return resource.getrusage(who).ru_nvcsw if who is not None else 0
