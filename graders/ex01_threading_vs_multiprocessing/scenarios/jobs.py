"""The jobs: functions of one argument at the top level, as students are promised.

An argument is an `Ask`. It says what the job is to do on the way, and the number that it
must answer follows from it in a way that nobody knows without the key. Jobs report to
the stage under these names:

    job        inside: a job is running; its value, and its task if the run has one
    begun      note: a job that may be interrupted has begun
    begin      supply: the gate at which the next job that begins has to wait
"""

import builtins
import time
from dataclasses import dataclass

from racecourse.sandbox import stage

_PAGE = 4096


@dataclass(frozen=True)
class Ask:
    """An argument of a job.

    Attributes:
        value: What is asked; the answer is `value * key + offset`.
        gate: Where the job waits, if anywhere.
        nap_s: How long it sleeps.
        burn_s: How much CPU time it uses.
        mib: How much memory it touches and holds.
        error: The name of the exception it raises instead, and its text.
    """

    value: int
    key: int
    offset: int
    gate: str = ""
    nap_s: float = 0.0
    burn_s: float = 0.0
    mib: int = 0
    error: tuple = ()

    @property
    def answer(self):
        """The number that a job must return."""
        return self.value * self.key + self.offset


def asks(values, key, offset, **same):
    """Return an argument for each value."""
    return [Ask(value, key, offset, **same) for value in values]


class OutOfStockError(Exception):
    """An exception that only this module knows, and that pickle is told how to make.

    It is made of a thing and a place; its `args` are the sentence.
    """

    def __init__(self, thing, place):
        super().__init__(f"{thing} in {place}")
        self.parts = thing, place

    def __reduce__(self):
        return OutOfStockError, self.parts


def plain(ask):
    """Answer, and do nothing else."""
    return ask.answer


def fetch(ask):
    """Work in sight of the stage: the job of a run without a task, and of "io"."""
    return _work(ask, task="io")


def compute(ask):
    """Work in sight of the stage: the job of "cpu"."""
    return _work(ask, task="cpu")


def _work(ask, task):
    with stage.inside("job", value=ask.value, task=task):
        if ask.gate:
            stage.wait(ask.gate)
        if ask.nap_s:
            time.sleep(ask.nap_s)  # noqa: TID251 - a job that waits has to
        _burn(ask.burn_s)
        if ask.error:
            raise _exception(*ask.error)
        return ask.answer


def _burn(burn_s):
    """Compute; by the CPU time of this thread, as no two cores need be equally fast."""
    until = time.thread_time() + burn_s
    while time.thread_time() < until:
        pass


def _exception(name, text):
    if name == "OutOfStockError":
        return OutOfStockError(*text.split(" in "))
    return getattr(builtins, name)(text)


def nap(ask):
    """Sleep out of sight: nothing but sleep is in the time that this takes."""
    time.sleep(ask.nap_s)  # noqa: TID251 - a job that waits has to
    return ask.answer


def hog(ask):
    """Touch memory, hold it at the gate's "high", and give it back before "low"."""
    block = touched(ask.mib)
    stage.wait(f"{ask.gate} high")
    del block
    stage.wait(f"{ask.gate} low")
    return ask.answer


def touched(mib):
    """Return so much memory, every page of it written to."""
    block = bytearray(mib << 20)
    block[::_PAGE] = b"\1" * len(range(0, len(block), _PAGE))
    return block


def at_its_gate(ask):
    """Wait at the gate that is due for the next job that begins, whichever it is."""
    with stage.inside("job", value=ask.value):
        stage.wait(stage.draw("begin"))
        return ask.answer


def interrupted(ask):
    """Wait at the gate; nothing is said on the way out, which may be an interruption."""
    stage.note("begun", value=ask.value)
    stage.wait(ask.gate)
    return ask.answer
