"""Exercise 3: a producer-consumer pipeline, on threads or on processes.

Fill in `run_pipeline`. The README next to this file says what is promised to whom.
"""

import multiprocessing.synchronize  # noqa: TC003
import threading  # noqa: TC003
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class WorkerDied(RuntimeError):  # noqa: N818
    """A worker process ended without being asked to."""


@dataclass
class PipelineResult(Generic[R]):
    """What became of all the items of one run.

    Attributes:
        results: What `consume` returned, one per item, in any order.
        errors: `(item, "TypeName: text")` for each item whose `consume` raised, and
            `("producer i", "TypeName: text")` for each `produce(i)` that raised.
        produced: How many items were put on the queue.
        consumed: How many items `consume` returned or raised for.
        cancelled: Whether `stop` ended the run.
    """

    results: list[R]
    errors: list[tuple[Any, str]]
    produced: int
    consumed: int
    cancelled: bool


def run_pipeline(  # noqa: PLR0913
    produce: Callable[[int], Iterable[T]],
    consume: Callable[[T], R],
    *,
    producers: int = 1,
    consumers: int = 2,
    maxsize: int = 16,
    backend: Literal["thread", "process"] = "thread",
    stop: "threading.Event | multiprocessing.synchronize.Event | None" = None,
) -> PipelineResult[R]:
    """Consume every item of every producer exactly once.

    Producer i iterates over `produce(i)` in a thread or process of its own and puts
    the items on a queue. The consumers, threads or processes too, take them off and
    call `consume(item)`. The call returns when all producers are exhausted and all
    items are consumed, and leaves no thread and no process behind.

    Args:
        produce: Called with 0, 1, ... `producers - 1`; may go on for ever.
        consume: Called once per item. Its exceptions are recorded, not raised.
        producers: How many producers run at the same time.
        consumers: How many consumers run at the same time.
        maxsize: How many items the queue holds before producers have to wait.
        backend: What producers and consumers are: threads or processes.
        stop: When set, nothing more is taken from the sources, queued items are
            dropped, items being consumed are finished, and the call returns.

    Raises:
        ValueError: If a count or `maxsize` is below 1, or the backend is unknown.
        WorkerDied: If a worker process ended without being asked to.
    """
    raise NotImplementedError
