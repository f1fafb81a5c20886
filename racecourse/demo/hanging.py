"""Demo: one end mark for many consumers, so that all but one wait for ever."""

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_END = object()


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
    """Consume every item once, on threads; `backend` and `stop` are left out."""
    del backend, stop
    items: queue.Queue[Any] = queue.Queue(maxsize)
    result = PipelineResult([], [], 0, 0, cancelled=False)

    def feed(index: int) -> None:
        for item in produce(index):
            items.put(item)
            result.produced += 1

    def drain() -> None:
        while (item := items.get()) is not _END:
            try:
                result.results.append(consume(item))
            except Exception as error:  # noqa: BLE001 - it is recorded
                result.errors.append((item, f"{type(error).__name__}: {error}"))
            result.consumed += 1

    feeders = [threading.Thread(target=feed, args=(n,)) for n in range(producers)]
    drainers = [threading.Thread(target=drain) for _ in range(consumers)]
    for thread in (*feeders, *drainers):
        thread.start()
    for thread in feeders:
        thread.join()
    items.put(_END)
    for thread in drainers:
        thread.join()
    return result
