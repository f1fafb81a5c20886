"""After a stop the pool is shut down, but its threads are not waited for.

Look-ups that are under way go on when process_records has returned.

Caught by: X1
"""

import sys
import threading
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, TypeVar

from slow_pipeline import Summary, parse

T = TypeVar("T")

_MB = 1 << 20
_LOOK_AHEAD = 4  # records in the window, for each worker
# Where the standard library waits, and where it drives others.
_WAITING = ("threading", "queue", "selectors", "concurrent.futures", "asyncio", "time")

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Hotspot:
    """What one function cost, in all threads together.

    Attributes:
        function: Its module and qualified name, such as `shop.Cart.total`.
        calls: How often it was called.
        self_seconds: Time in the function itself, without what it called.
        total_seconds: Time in the function and in what it called.
    """

    function: str
    calls: int
    self_seconds: float
    total_seconds: float


@dataclass(frozen=True)
class ProfileReport:
    """What a call cost.

    Attributes:
        wall_seconds: From the call to its end.
        peak_memory_mb: Extra memory at the highest point of the call.
        hotspots: All functions that ran, the largest `self_seconds` first.
    """

    wall_seconds: float
    peak_memory_mb: float
    hotspots: tuple[Hotspot, ...]


@dataclass
class _Cost:
    """What one function cost in one thread."""

    function: str
    calls: int = 0
    self_s: float = 0.0
    total_s: float = 0.0
    depth: int = 0  # how often it is on the stack: only the outermost call is a total


@dataclass
class _Collector:
    """What one thread did. Only that thread writes here."""

    costs: dict[CodeType, _Cost] = field(default_factory=dict)
    # For each frame on the stack: its code, when it began, and what its callees took.
    stack: list[list[Any]] = field(default_factory=list)

    def enter(self, frame: FrameType, now: float) -> None:
        code = frame.f_code
        cost = self.costs.get(code)
        if cost is None:
            name = f"{frame.f_globals.get('__name__', '?')}.{code.co_qualname}"
            cost = self.costs[code] = _Cost(name)
        cost.calls += 1
        cost.depth += 1
        self.stack.append([cost, now, 0.0])

    def leave(self, now: float) -> None:
        if not self.stack:
            return  # it was entered before the profile began
        cost, begun, in_callees = self.stack.pop()
        took = now - begun
        cost.self_s += took - in_callees
        cost.depth -= 1
        if not cost.depth:
            cost.total_s += took
        if self.stack:
            self.stack[-1][2] += took


class _Profiler:
    """The hook that Python calls in every thread, and what the threads collected."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._collectors: list[_Collector] = []
        self._is_over = False

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if self._is_over:
            sys.setprofile(None)  # this thread outlived the call; no hook stays behind
        elif event == "call":
            self._collector().enter(frame, time.thread_time())
        elif event == "return":
            self._collector().leave(time.thread_time())

    def _collector(self) -> _Collector:
        collector: _Collector | None = getattr(self._mine, "collector", None)
        if collector is None:
            collector = self._mine.collector = _Collector()
            with self._lock:
                self._collectors.append(collector)
        return collector

    def end(self) -> None:
        self._is_over = True

    def hotspots(self) -> tuple[Hotspot, ...]:
        with self._lock:
            collectors = list(self._collectors)
        merged: dict[str, _Cost] = {}
        for collector in collectors:
            for cost in list(collector.costs.values()):
                sum_ = merged.setdefault(cost.function, _Cost(cost.function))
                sum_.calls += cost.calls
                sum_.self_s += cost.self_s
                sum_.total_s += cost.total_s
        spots = (
            Hotspot(cost.function, cost.calls, cost.self_s, cost.total_s)
            for cost in merged.values()
            if not cost.function.startswith(f"{__name__}._")
        )
        return tuple(sorted(spots, key=lambda spot: -spot.self_seconds))


def profile_call(
    fn: Callable[..., T], /, *args: Any, **kwargs: Any
) -> tuple[T, ProfileReport]:
    """Call `fn` and return its value, and a report of all threads that it started.

    Raises:
        RuntimeError: If a profile is being made already.
        BaseException: Whatever `fn` raises; no hook stays active in any thread.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError("a profile is being made already")
    try:
        return _profiled(lambda: fn(*args, **kwargs))
    finally:
        _one_at_a_time.release()


def _profiled(call: Callable[[], T]) -> tuple[T, ProfileReport]:
    profiler = _Profiler()
    ours, in_threads = sys.getprofile(), threading.getprofile()
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    begun = time.perf_counter()
    try:
        threading.setprofile(profiler)
        sys.setprofile(profiler)
        value = call()
    finally:
        sys.setprofile(ours)
        threading.setprofile(in_threads)  # type: ignore[arg-type]
        profiler.end()
        wall_s = time.perf_counter() - begun
        _, peak = tracemalloc.get_traced_memory()
        if not was_tracing:
            tracemalloc.stop()
    report = ProfileReport(wall_s, max(0, peak - before) / _MB, profiler.hotspots())
    return value, report


def bottlenecks(report: ProfileReport, n: int = 3) -> list[str]:
    """Return the `n` functions with the largest `self_seconds`, waits left out."""
    working = (
        spot.function
        for spot in sorted(report.hotspots, key=lambda spot: -spot.self_seconds)
        if not spot.function.startswith(tuple(f"{module}." for module in _WAITING))
    )
    return [function for _, function in zip(range(n), working, strict=False)]


def hot_lines(
    fn: Callable[..., Any], /, *args: Any, n: int = 3
) -> list[tuple[int, float]]:
    """Call `fn` and return its `n` most expensive lines, with their shares of its time.

    Returns:
        Pairs of line number (in its file) and share (0..1), the largest share first.
    """
    code = fn.__code__  # type: ignore[attr-defined]
    lines = _LineClock()

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        return lines.trace if frame.f_code is code else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        fn(*args)
    finally:
        sys.settrace(before)
    whole = sum(lines.seconds.values()) or 1.0
    ranked = sorted(lines.seconds.items(), key=lambda item: -item[1])
    return [(line, seconds / whole) for line, seconds in ranked[:n]]


class _LineClock:
    """Adds the CPU time from one line of a function to the next to the first of them."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}
        self._at: tuple[int, float] | None = None

    def trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        now = time.thread_time()
        if self._at is not None:
            line, since = self._at
            self.seconds[line] = self.seconds.get(line, 0.0) + now - since
        is_over = event == "return"
        self._at = None if is_over else (frame.f_lineno, time.thread_time())
        return self.trace


def process_records(
    records: Iterable[bytes],
    enrich: Callable[[str], str],
    *,
    workers: int = 4,
    cancel: threading.Event | None = None,
) -> Summary:
    """Sum up the records as `process_records_slow` does, and fast.

    Raises:
        ValueError: If `workers` is less than 1.
    """
    if workers < 1:
        raise ValueError("workers must be at least 1")
    cancel = cancel or threading.Event()
    run = _Run(enrich, workers, cancel)
    pool = ThreadPoolExecutor(workers)
    try:
        run.take(records, pool)
    finally:
        # Nobody asks for these any more.
        pool.shutdown(wait=not cancel.is_set(), cancel_futures=True)
    return run.summary()


class _Stopped(Exception):
    """The run was stopped before anybody looked the key up."""


class _Run:
    """One run over the records: a future for each key, a window of open records."""

    def __init__(
        self, enrich: Callable[[str], str], workers: int, cancel: threading.Event
    ) -> None:
        self._enrich, self._cancel = enrich, cancel
        self._room = _LOOK_AHEAD * workers
        self._labels: dict[str, Future[str]] = {}  # in the order of their coming
        self._window: deque[tuple[Future[str], int]] = deque()
        self._summary = Summary()

    def take(self, records: Iterable[bytes], pool: ThreadPoolExecutor) -> None:
        """Read and count until the records, or the patience, are at an end."""
        for record in records:
            if self._cancel.is_set():
                self._summary.cancelled = True
                return
            self._take_one(record, pool)
            if len(self._window) >= self._room:
                self._count(*self._window.popleft())
        while self._window and not self._cancel.is_set():
            self._count(*self._window.popleft())

    def _take_one(self, record: bytes, pool: ThreadPoolExecutor) -> None:
        try:
            key, amount = parse(record)
        except Exception:
            self._summary.errors += 1
            return
        if key not in self._labels:
            self._labels[key] = pool.submit(self._ask, key)
        self._window.append((self._labels[key], amount))

    def _ask(self, key: str) -> str:
        """Look a key up, in the pool; look-ups that still wait at a stop are not made."""
        if self._cancel.is_set():
            raise _Stopped
        return self._enrich(key)

    def _count(self, label: "Future[str]", amount: int) -> None:
        """Add a record whose label is there, or soon will be."""
        try:
            text = label.result()
        except _Stopped:
            self._summary.cancelled = True
            return
        except Exception:
            self._summary.errors += 1
            return
        totals = self._summary.totals
        totals[text] = totals.get(text, 0) + amount
        self._summary.records += 1

    def summary(self) -> Summary:
        """Return what was counted; after a stop also what has its label all the same."""
        if self._window:
            self._summary.cancelled = True
        for label, amount in self._window:
            if label.done() and not label.cancelled():
                self._count(label, amount)
        self._summary.keys = list(self._labels)
        return self._summary
