"""Demo: a submission that attacks its grader instead of solving the exercise."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


class WorkerDied(RuntimeError):  # noqa: N818 - the exercise names it
    """A worker process ended without being asked to."""


@dataclass
class PipelineResult:
    """What became of all the items."""

    results: list[Any]
    errors: list[tuple[Any, str]]
    produced: int
    consumed: int
    cancelled: bool


def run_pipeline(  # noqa: PLR0913 - the exercise names them
    produce: Callable[[int], Iterable[Any]],
    consume: Callable[[Any], Any],
    *,
    producers: int = 1,
    consumers: int = 2,
    maxsize: int = 16,
    backend: str = "thread",
    stop: Any = None,
) -> PipelineResult:
    """Claim full marks, and go before anybody can ask."""
    del produce, consume, producers, consumers, maxsize, backend, stop
    print("\x1b[32mpassed\x1b[0m  100 of 100 points")  # noqa: T201 - it tries
    print("::set-output name=score::100")  # noqa: T201 - likewise
    os._exit(0)
