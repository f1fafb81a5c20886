"""What goes into the runs and what must come out, drawn anew for every run."""

import contextlib
from dataclasses import dataclass

import pytest

MODELS = ("threading", "multiprocessing")


@dataclass(frozen=True)
class Work:
    """Values to ask for, and the key by which a job turns one into its answer."""

    values: list[int]
    key: int
    offset: int

    @property
    def args(self):
        """The arguments that a scenario takes for this work."""
        return {"values": self.values, "key": self.key, "offset": self.offset}

    @property
    def answers(self):
        """What the jobs must return, in order."""
        return [value * self.key + self.offset for value in self.values]


@pytest.fixture
def work(draw):
    """Draw so many values; the first one comes twice, and both count."""

    def drawn(count):
        values = draw.sample(range(1, 1_000_000), count)
        if count > 2:
            values[-1] = values[0]
        return Work(values, key=draw.randrange(3, 999), offset=draw.randrange(999))

    return drawn


@pytest.fixture
def by_model(submission):
    """Give a worker for each model, so that two runs can wait at the same time."""
    with contextlib.ExitStack() as stack:
        yield {model: stack.enter_context(submission.fresh()) for model in MODELS}
