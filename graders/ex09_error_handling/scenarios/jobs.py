"""Jobs that all scenarios share, and how outcomes are told: as plain rows."""

import asyncio
import functools
import threading
import time

from racecourse.sandbox import stage

LONG_S = 100.0  # virtual: longer than anything that is meant to end by itself
REAL_S = 20.0  # real: what waits so long has not been told to stop


class Mishap(Exception):  # noqa: N818 - a story's word, not a library's
    """What jobs raise on purpose; nothing that could heal."""


class Hiccup(OSError):  # noqa: N818 - likewise
    """What jobs raise on purpose and what may heal."""


def rows(outcomes):
    """Tell outcomes in their order: name, status, value, attempts, and the error's text.

    What is in `error` of a job that was stopped is left to the submission.
    """
    return [
        [name, outcome.status, _plain(outcome.value), outcome.attempts, _error(outcome)]
        for name, outcome in outcomes.items()
    ]


def _plain(value):
    """Tell a value that no job of ours returns by its name."""
    own = value is None or isinstance(value, bool | int | str | list)
    return value if own else repr(value)


def _error(outcome):
    if outcome.error is None or outcome.status in {"timeout", "cancelled"}:
        return None
    return told(outcome.error)


def told(error):
    """Tell an exception as a text: its kind, and its words if it has any."""
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def leaves(group):
    """Give the exceptions in a group, and in the groups in it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


# Coroutines.


async def work(value, seconds=1.0):
    """Be the ordinary job: take a while and return the value."""
    await asyncio.sleep(seconds)
    return value


async def fail(error, seconds=1.0):
    """Take a while and raise."""
    await asyncio.sleep(seconds)
    raise error


async def tidy(story, tidy_s=0.5, **data):
    """Run until stopped, then take a while to clean up; say when each is over."""
    try:
        stage.note(story, what="started", **data)
        await asyncio.sleep(LONG_S)
    finally:
        stage.note(story, what="stopped", **data)
        await asyncio.sleep(tidy_s)
        stage.note(story, what="cleaned up", **data)


def job(function, *args, **options):
    """Make a job of a coroutine function and its arguments."""
    return functools.partial(function, *args, **options)


# Threads.


def until(condition, within_s):
    """Look now and then whether something is so, at most for so long."""
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)  # noqa: TID251 - what many a job does


def obey(token):
    """Wait to be stopped, and stop."""
    token.wait(REAL_S)
    token.raise_if_cancelled()


class Stuck:
    """A job that hears nothing; it is let go when the supervisor opens the gate `go`."""

    def __init__(self):
        self._go = threading.Event()
        self.threads = []  # in which it was stuck
        threading.Thread(target=self._open, daemon=True).start()

    def _open(self):
        stage.wait("go")
        self._go.set()

    def __call__(self, _token):
        """Be stuck."""
        self.threads.append(threading.current_thread())
        self._go.wait()
        return "late"
