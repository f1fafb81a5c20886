"""The functions of the tasks: at the top level, as students are promised.

An argument is an `Ask`. It says what the task is to do on the way, and the number that it
must answer follows from it in a way that nobody knows without the key. Tasks report to
the stage under these names:

    task       inside: a task is running; its value
    begun      note: a task that may be interrupted has begun
    sampled    note: a task of the kind "auto" has been run to decide about it
"""

import builtins
import os
import threading
import time
from dataclasses import dataclass

from scenarios import clocks

from racecourse.sandbox import stage

ERRANDS = 12


@dataclass(frozen=True)
class Ask:
    """An argument of a task.

    Attributes:
        value: What is asked; the answer is `value * key + offset`.
        gate: Where the task waits, if anywhere.
        nap_s: How long it sleeps.
        home: The process in which alone it sleeps, if not in all.
        burn_s: How much CPU time it uses.
        error: The name of the exception it raises instead, and its text.
        gives: What it returns instead of its answer: "lock" or "one way".
        dies: Whether its process ends at once.
    """

    value: int
    key: int
    offset: int
    gate: str = ""
    nap_s: float = 0.0
    home: int = 0
    burn_s: float = 0.0
    error: tuple = ()
    gives: str = ""
    dies: bool = False

    @property
    def answer(self):
        """The number that a task must return."""
        return self.value * self.key + self.offset


class OutOfStockError(Exception):
    """An exception that only this module knows."""


class TwoPartError(Exception):
    """Can be pickled, and not unpickled: its `args` are not what it is made of."""

    def __init__(self, text, code):
        super().__init__(f"{text} ({code})")


class LockedError(Exception):
    """Cannot be pickled: it holds a lock."""

    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


class OneWay:
    """Can be pickled; whoever unpickles it regrets it."""

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise OutOfStockError("not to be unpickled")


class Stubborn:
    """An argument that cannot be pickled, and says so in its own way."""

    def __reduce__(self):
        raise OutOfStockError("not to be pickled")


def work(ask, *_):
    """Work in sight of the stage."""
    with stage.inside("task", value=ask.value):
        if ask.gate:
            stage.wait(ask.gate)
        if ask.nap_s and ask.home in {0, os.getpid()}:
            time.sleep(ask.nap_s)  # noqa: TID251 - a task that waits has to
        _burn(ask.burn_s)
        if ask.dies:
            os._exit(3)
        if ask.error:
            raise _exception(*ask.error)
        if ask.gives:
            return {"lock": threading.Lock, "one way": OneWay}[ask.gives]()
        return ask.answer


def interrupted(ask):
    """Wait at the gate; nothing is said on the way out, which may be an interruption."""
    stage.note("begun", value=ask.value)
    stage.wait(ask.gate)
    return ask.answer


def total(*numbers):
    """Add up as many arguments as there are."""
    return sum(numbers)


def _errand(name):
    """Return a function of this name that computes or waits, as its argument says."""

    def errand(ask):
        with clocks.forgiven() as stretched:
            _burn(ask.burn_s)
            stage.note("sampled", stretched=stretched() if ask.burn_s else 1.0)
        if ask.nap_s:
            time.sleep(ask.nap_s)  # noqa: TID251 - a task that waits has to
        return ask.answer

    errand.__name__ = errand.__qualname__ = name
    return errand


# Many, as one sample may decide about all tasks of a function; and all look the same.
globals().update(
    {name: _errand(name) for name in (f"errand_{n}" for n in range(ERRANDS))}
)


def _like_work(name):
    """Return a function of this name that works as `work` does."""

    def like_work(ask):
        return work(ask)

    like_work.__name__ = like_work.__qualname__ = name
    return like_work


# Each is a sample of its own, which may be held at a gate.
globals().update({name: _like_work(name) for name in (f"work_{n}" for n in range(4))})


def _burn(burn_s):
    """Compute; by the CPU time of this thread, as no two cores need be equally fast."""
    until = time.thread_time() + burn_s
    while time.thread_time() < until:
        pass


def _exception(name, text):
    if name == "TwoPartError":
        return TwoPartError(text, 7)
    return {**vars(builtins), **globals()}[name](text)
