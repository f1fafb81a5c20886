"""Run a coroutine in virtual time and tell everything that it did and left behind.

    clock = VirtualClock()
    with moved_clocks(clock):          # before the submission is imported
        import solution
    outcome = run(lambda: solution.main(), clock=clock)
    assert outcome.result() == 42 and outcome.elapsed_s < 3.1 and not outcome.leftovers

Inside the coroutine, `asyncio.get_running_loop()` is a `VirtualTimeLoop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from racecourse.engine.task_waits import AwaitFrame, TaskWait, wait_of, waits_of
from racecourse.engine.virtual_clock import (
    NS_PER_S,
    BlockingSleep,
    VirtualClock,
    moved_clocks,
)
from racecourse.engine.virtual_loop import (
    LoopDeadlockError,
    LoopLivelockError,
    LoopReport,
    LoopStuckError,
    VirtualTimeLoop,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

__all__ = [
    "AwaitFrame",
    "BlockingSleep",
    "CaughtWarning",
    "LoopDeadlockError",
    "LoopLivelockError",
    "LoopReport",
    "LoopStuckError",
    "TaskWait",
    "VirtualClock",
    "VirtualRun",
    "VirtualTimeLoop",
    "moved_clocks",
    "run",
    "wait_of",
    "waits_of",
]

T = TypeVar("T")

CLOSING_ITERATIONS = 10_000  # for the clean-up of the tasks that were left behind
CLOSING_WAIT_S = 1.0  # real seconds, for executor threads to end


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtWarning:
    """A warning issued during the run, or by the garbage collection that ended it."""

    category: str
    message: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualRun(Generic[T]):
    """What one run did. Exactly one of value and error is meant: see `result`."""

    value: T | None
    error: BaseException | None  # a LoopStuckError when the loop could not finish
    elapsed_s: float  # virtual
    iterations: int
    jumps: int
    reports: tuple[LoopReport, ...]
    leftovers: tuple[TaskWait, ...]  # alive after main ended, before anyone cancels
    warnings: tuple[CaughtWarning, ...]
    blocking_sleeps: tuple[BlockingSleep, ...]

    def result(self) -> T:
        """Return main's value, or raise what main raised or the loop got stuck by."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # no error: the value is set

    @property
    def never_awaited(self) -> tuple[CaughtWarning, ...]:
        """The warnings about coroutines that were made and then dropped."""
        return tuple(
            w
            for w in self.warnings
            if w.category == "RuntimeWarning" and "was never awaited" in w.message
        )


def run(
    main: Callable[[], Coroutine[Any, Any, T]],
    *,
    clock: VirtualClock | None = None,
    settle_s: float = 0.0,
    loop_type: type[VirtualTimeLoop] = VirtualTimeLoop,
    **loop_options: Any,
) -> VirtualRun[T]:
    """Run `main()` to its end on a new virtual loop; whatever it raises is recorded.

    The `time` module is moved during the run. Tasks that outlive main are listed,
    then cancelled; clean-up that does not end is abandoned, so that the call returns.

    Args:
        main: Called on the way in; returns the coroutine to run.
        clock: Goes on from where it stands; a new one if omitted.
        settle_s: Virtual seconds that the other tasks get after main has ended,
            before those still alive are listed as left behind.
        loop_type: The kind of virtual loop to make.
        loop_options: Handed to `loop_type`.
    """
    clock = clock or VirtualClock()
    loop = loop_type(clock, **loop_options)
    with (
        moved_clocks(clock),
        warnings.catch_warnings(record=True) as caught,
        _default_executor(loop),
    ):
        warnings.simplefilter("always")
        try:
            return _run_and_inspect(loop, main, settle_s, caught)
        finally:
            loop.close()


def _run_and_inspect(
    loop: VirtualTimeLoop,
    main: Callable[[], Coroutine[Any, Any, T]],
    settle_s: float,
    caught: list[warnings.WarningMessage],
) -> VirtualRun[T]:
    start_ns = loop.clock.now_ns
    value, error = _value_or_error(loop, main)
    elapsed_s = (loop.clock.now_ns - start_ns) / NS_PER_S
    iterations, jumps = loop.iterations, loop.jumps
    if settle_s and not isinstance(error, LoopStuckError):
        _finish(loop, asyncio.sleep(settle_s))
    alive = asyncio.all_tasks(loop)  # held: asyncio keeps only weak references
    leftovers = waits_of(loop)
    _drop_references(error)
    outcome = VirtualRun(
        value=value,
        error=error,
        elapsed_s=elapsed_s,
        iterations=iterations,
        jumps=jumps,
        reports=tuple(loop.reports),
        leftovers=leftovers,
        warnings=tuple(map(_caught_warning, caught)),
        blocking_sleeps=tuple(loop.blocking_sleeps),
    )
    _cancel(loop, alive)
    return outcome


def _value_or_error(
    loop: VirtualTimeLoop, main: Callable[[], Coroutine[Any, Any, T]]
) -> tuple[T | None, BaseException | None]:
    try:
        return loop.run_until_complete(main()), None
    except BaseException as error:  # noqa: BLE001 - what comes out is the observation
        return None, error


def _drop_references(error: BaseException | None) -> None:
    """Let go what only the traceback keeps, so that its finalizers can speak."""
    if error is not None:
        traceback.clear_frames(error.__traceback__)
    gc.collect()


def _finish(loop: VirtualTimeLoop, last: Coroutine[Any, Any, object]) -> None:
    """Run `last` within a fresh allowance of iterations; give up if it sticks."""
    loop.iteration_limit = loop.iterations + CLOSING_ITERATIONS
    with contextlib.suppress(LoopStuckError, KeyboardInterrupt, SystemExit):
        loop.run_until_complete(last)


def _cancel(loop: VirtualTimeLoop, tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel what is left, as `asyncio.run` does, but never wait for ever."""
    for task in tasks:
        task.cancel()
    if tasks:
        _finish(loop, asyncio.wait(tasks))
    _finish(loop, loop.shutdown_asyncgens())


@contextlib.contextmanager
def _default_executor(loop: VirtualTimeLoop) -> Iterator[None]:
    """Give `loop` an executor and wait for its idle threads to end, within bounds."""
    pool = ThreadPoolExecutor(thread_name_prefix="asyncio")
    loop.set_default_executor(pool)
    try:
        yield
    finally:
        closer = threading.Thread(target=pool.shutdown, daemon=True)
        closer.start()
        closer.join(CLOSING_WAIT_S)


def _caught_warning(warning: warnings.WarningMessage) -> CaughtWarning:
    return CaughtWarning(
        category=warning.category.__name__,
        message=str(warning.message),
        file=warning.filename,
        line=warning.lineno,
    )
