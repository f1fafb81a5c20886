"""What the scenarios share: jobs, waiting, and how tasks end."""

import asyncio

from solution import TaskCancelled

from racecourse.sandbox import stage

SETTLE_S = 1.0  # longer than any manager needs to start what can start
LONG_S = 100.0  # longer than anything that is meant to end by itself


class Mishap(Exception):  # noqa: N818 - a story's word, not a library's
    """What jobs raise on purpose."""


async def work(value, seconds=1.0):
    """Be the ordinary job: take a while and return the value."""
    await asyncio.sleep(seconds)
    return value


async def swallow(value):
    """Run until cancelled, and return the value as if nothing had happened."""
    try:
        await asyncio.sleep(LONG_S)
    except asyncio.CancelledError:
        await asyncio.sleep(0.5)
    return value


async def await_what_was_cancelled():
    """Await something that was cancelled elsewhere: a CancelledError, and no cancel()."""
    gone = asyncio.get_running_loop().create_future()
    gone.cancel()
    await gone


async def settle():
    """Let everything happen that can happen now."""
    await asyncio.sleep(SETTLE_S)


async def ending_of(handle):
    """Tell how a task ended: its status, and what result() returned or raised."""
    try:
        outcome = await handle.result()
    except TaskCancelled as error:
        # As a subclass of CancelledError it would cancel whoever asks.
        taken = isinstance(error, asyncio.CancelledError)
        outcome = "CancelledError" if taken else "TaskCancelled"
    except (Mishap, TimeoutError) as error:
        outcome = type(error).__name__
    return [handle.status, outcome]


async def endings_of(handles, within_s=LONG_S):
    """Tell how each task ended; None stands for one that did not end in time."""
    asking = [asyncio.ensure_future(ending_of(handle)) for handle in handles]
    _, late = await asyncio.wait(asking, timeout=within_s)
    for ask in late:
        ask.cancel()
    return [None if ask in late else ask.result() for ask in asking]


async def statuses_at_end(handles, within_s=LONG_S):
    """Return the tasks' statuses once all have ended, or when the time is over."""
    statuses = [handle.status for handle in handles]
    while within_s > 0 and {"pending", "running"} & set(statuses):
        await settle()
        within_s -= SETTLE_S
        statuses = [handle.status for handle in handles]
    return statuses


async def tidy(story, what):
    """Run until cancelled, take half a second to clean up, and say so."""
    try:
        await asyncio.sleep(LONG_S)
    finally:
        await asyncio.sleep(0.5)
        stage.note(story, what=what)


def two_that_run_and_two_that_wait(manager, story):
    """Fill two slots and queue two more; each says to the story what became of it."""
    return [
        *(manager.submit(tidy, story, "cleaned up") for _ in range(2)),
        *(manager.submit(tidy, story, "started after all") for _ in range(2)),
    ]
