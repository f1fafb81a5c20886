# ruff: noqa: SLF001 - this is about the insides of the standard library
"""The loop of a pool's worker: one for all versions of Python.

Up to 3.11.7 a worker looks for work first and says that it is idle when it has done
some; later it says so when it finds no work. The promises are the same, the points at
which others may run are not, and a schedule would mean something else on each version.
This is the later order. Nothing else in `concurrent.futures` differs so.
"""

from __future__ import annotations

import inspect
import queue
from typing import TYPE_CHECKING, Any

from racecourse.engine.threads.task import Unwind

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

_PARAMETERS = ("executor_reference", "work_queue", "initializer", "initargs")


def settle_worker(thread: types.ModuleType) -> None:
    """Give the re-executed `concurrent.futures.thread` the one loop.

    A Python whose workers are called in another way keeps its own.
    """
    namespace = vars(thread)
    if tuple(inspect.signature(namespace["_worker"]).parameters) == _PARAMETERS:
        namespace["_worker"] = _make_worker(namespace)


def _make_worker(namespace: dict[str, Any]) -> Callable[..., None]:
    def worker(
        executor_reference: Callable[[], Any],
        work_queue: Any,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
    ) -> None:
        if not _initialize(executor_reference, initializer, initargs):
            return
        while True:
            item = _next_item(executor_reference, work_queue)
            if item is not None:
                item.run()
                del item  # while the worker waits, nobody's work is kept alive
                continue
            executor = executor_reference()
            if executor is None or executor._shutdown or namespace["_shutdown"]:
                if executor is not None:
                    executor._shutdown = True
                work_queue.put(None)  # for the next worker
                return
            del executor

    return worker


def _initialize(
    executor_reference: Callable[[], Any],
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
) -> bool:
    """Call the initializer; if it fails, break the pool and return False."""
    if initializer is None:
        return True
    try:
        initializer(*initargs)
    except Unwind:
        raise
    except BaseException:  # noqa: BLE001 - whoever waits for results hears of it
        executor = executor_reference()
        if executor is not None:
            executor._initializer_failed()
        return False
    return True


def _next_item(executor_reference: Callable[[], Any], work_queue: Any) -> Any:
    """Take the next piece of work; say that this worker is idle before it waits."""
    try:
        return work_queue.get_nowait()
    except queue.Empty:
        executor = executor_reference()
        if executor is not None:
            executor._idle_semaphore.release()
        del executor
        return work_queue.get(block=True)
