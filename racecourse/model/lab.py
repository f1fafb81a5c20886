"""What `grade lab` measures: the same work done in different ways."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["cpu", "io"]
Model = Literal["sequential", "threads", "processes", "asyncio"]

TASKS: tuple[Task, ...] = ("cpu", "io")
MODELS: tuple[Model, ...] = ("sequential", "threads", "processes", "asyncio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One way to do the work."""

    task: Task
    model: Model
    workers: int

    @property
    def label(self) -> str:
        """A short name for tables and progress."""
        return f"{self.task} {self.model} {self.workers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The work, the same for every cell: only the way of doing it differs."""

    jobs: int = 16
    primes_below: int = 16_000  # what a CPU-bound job counts; some 20 ms
    answer_after_s: float = 0.025  # how long a server takes to answer an I/O-bound job


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of a cell."""

    cell: Cell
    seconds: float  # from before the first job to the last result in hand
    peak_mb: float  # added memory of the whole process tree at its highest, in MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The medians of a cell's runs, and how much faster than one after the other."""

    cell: Cell
    seconds: float
    peak_mb: float
    speedup: float


def cells(workers: tuple[int, ...]) -> tuple[Cell, ...]:
    """Return every cell of the experiment; one after the other knows one worker only."""
    return tuple(
        Cell(task=task, model=model, workers=count)
        for task in TASKS
        for model in MODELS
        for count in ((1,) if model == "sequential" else workers)
    )
