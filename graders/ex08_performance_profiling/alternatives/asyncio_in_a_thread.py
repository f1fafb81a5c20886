"""A8.4: look-ups by asyncio in a thread of its own; wall time, and CPU time beside it."""

import functools
import sys
import threading
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import attrgetter
from time import perf_counter, thread_time
from types import CodeType, FrameType
from typing import Any, TypeVar
import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor

from slow_pipeline import Summary

T = TypeVar("T")


@dataclass(frozen=True)
class Hotspot:
    """What one function cost, in all threads together."""

    function: str
    calls: int
    self_seconds: float
    total_seconds: float


@dataclass(frozen=True)
class ProfileReport:
    """What a call cost."""

    wall_seconds: float
    peak_memory_mb: float
    hotspots: tuple[Hotspot, ...]


_busy = threading.Lock()
_WAITERS = frozenset(
    "threading queue selectors socket ssl concurrent asyncio multiprocessing subprocess"
    " sched signal".split()
)


@dataclass(frozen=True)
class _Spot(Hotspot):
    """Its seconds are wall time; it knows, too, how much of its own was work."""

    cpu_seconds: float = 0.0


class _Tally:
    __slots__ = ("calls", "cpu", "depth", "own", "total")

    def __init__(self) -> None:
        self.calls = self.depth = 0
        self.own = self.total = self.cpu = 0.0


class _Recorder:
    """The profile function of one thread."""

    def __init__(self, profiler: "_Profiler") -> None:
        self.profiler = profiler
        self.tallies: dict[tuple[CodeType, str], _Tally] = {}
        self.frames: list[tuple[FrameType, _Tally, float]] = []
        self.mark = perf_counter()
        self.cpu_mark = thread_time()

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        now = perf_counter()
        if self.profiler.done:
            sys.setprofile(None)
            return
        frames = self.frames
        if event not in ("call", "return"):
            return
        if frames:
            frames[-1][1].own += now - self.mark
            frames[-1][1].cpu += thread_time() - self.cpu_mark
        if event == "call":
            key = (frame.f_code, frame.f_globals.get("__name__") or "")
            tally = self.tallies.get(key)
            if tally is None:
                tally = self.tallies[key] = _Tally()
            tally.calls += 1
            tally.depth += 1
            frames.append((frame, tally, now))
        elif frames and frames[-1][0] is frame:
            _, tally, began = frames.pop()
            tally.depth -= 1
            if not tally.depth:
                tally.total += now - began
        self.cpu_mark = thread_time()
        self.mark = perf_counter()


class _Profiler(AbstractContextManager):
    """Installs recorders in this thread and in all threads that are started."""

    def __init__(self) -> None:
        self.done = False
        self.recorders: list[_Recorder] = []

    def _install(self, frame: FrameType, event: str, arg: Any) -> None:
        if self.done:
            sys.setprofile(None)
            return
        recorder = _Recorder(self)
        self.recorders.append(recorder)
        sys.setprofile(recorder)
        recorder(frame, event, arg)

    def __enter__(self) -> "_Profiler":
        self._before = sys.getprofile(), threading.getprofile()
        threading.setprofile(self._install)
        sys.setprofile(self._install)
        return self

    def __exit__(self, *exc: object) -> None:
        sys.setprofile(None)
        self.done = True
        threading.setprofile(self._before[1])
        sys.setprofile(self._before[0])

    def spots(self) -> list[_Spot]:
        mine = {_Profiler.__exit__.__code__, _Profiler.__enter__.__code__}
        merged: dict[str, _Tally] = defaultdict(_Tally)
        for recorder in tuple(self.recorders):
            for (code, module), tally in tuple(recorder.tallies.items()):
                if code in mine:
                    continue
                into = merged[f"{module}.{code.co_qualname}"]
                into.calls += tally.calls
                into.own += tally.own
                into.total += tally.total
                into.cpu += tally.cpu
        return [_Spot(k, t.calls, t.own, t.total, t.cpu) for k, t in merged.items()]


def profile_call(
    fn: Callable[..., T], /, *args: Any, **kwargs: Any
) -> tuple[T, ProfileReport]:
    """Profile by wall time, all threads together."""
    if not _busy.acquire(blocking=False):
        raise RuntimeError("one profile at a time")
    try:
        was_tracing = tracemalloc.is_tracing()
        if not was_tracing:
            tracemalloc.start()
        try:
            base, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            start = perf_counter()
            with _Profiler() as profiler:
                value = fn(*args, **kwargs)
            wall = perf_counter() - start
            peak = max(0, tracemalloc.get_traced_memory()[1] - base)
        finally:
            if not was_tracing:
                tracemalloc.stop()
    finally:
        _busy.release()
    spots = sorted(profiler.spots(), key=attrgetter("self_seconds"), reverse=True)
    return value, ProfileReport(wall, peak / 1e6, tuple(spots))


def bottlenecks(report: ProfileReport, n: int = 3) -> list[str]:
    """Rank by work (CPU time); who did next to nothing only waited."""
    work = {}
    for spot in report.hotspots:
        package = spot.function.partition(".")[0]
        if package not in _WAITERS:
            work[spot.function] = getattr(spot, "cpu_seconds", spot.self_seconds)
    least = max(work.values(), default=0.0) / 50
    best = sorted(work, key=work.__getitem__, reverse=True)
    return [name for name in best if work[name] >= least][:n]


def hot_lines(
    fn: Callable[..., Any], /, *args: Any, n: int = 3
) -> list[tuple[int, float]]:
    """CPU time of each line of `fn`, in the calling thread."""
    target = fn
    while hasattr(target, "__wrapped__"):
        target = target.__wrapped__
    if isinstance(target, functools.partial):
        target = target.func
    code = getattr(target, "__code__", None)
    spent: Counter[int] = Counter()
    current: list[int] = []
    clock = thread_time
    mark = clock()

    def tracer(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal mark
        if frame.f_code is not code:
            return None
        if current:
            spent[current[-1]] += clock() - mark
        match event:
            case "call":
                current.append(frame.f_lineno)
            case "return":
                current.pop()
            case "line":
                current[-1] = frame.f_lineno
        mark = clock()
        return tracer

    outer = sys.gettrace()
    try:
        sys.settrace(tracer)
        fn(*args)
    finally:
        sys.settrace(outer)
    everything = sum(spent.values()) * (1 + 1e-9) or 1.0
    return [(line, cost / everything) for line, cost in spent.most_common(n)]


_KEY = re.compile(r"[\w .-]+").fullmatch
_decode = json.JSONDecoder().decode


def _key_and_amount(record: bytes) -> tuple[str, int]:
    match _decode(record.decode("utf-8")):
        case {"key": str(key), "amount": bool()}:
            raise ValueError(f"bad amount for {key}")
        case {"key": str(key), "amount": int(amount)} if _KEY(key):
            return key, amount
        case other:
            raise ValueError(f"not a record: {other!r}")


class _Night:
    """A run of the nightly program, on an event loop; look-ups are in threads."""

    def __init__(self, enrich: Any, workers: int, cancel: Any) -> None:
        self.enrich, self.workers, self.cancel = enrich, workers, cancel
        self.answers: dict[str, asyncio.Task] = {}
        self.summary = Summary()

    def _stopped(self) -> bool:
        return self.cancel is not None and self.cancel.is_set()

    def _ask(self, key: str) -> tuple[str, str]:
        if self._stopped():
            return "skipped", ""
        try:
            return "known", str(self.enrich(key))
        except BaseException:
            return "failed", ""

    async def _look_up(self, key: str) -> tuple[str, str]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, self._ask, key)

    async def _account(self, answer: asyncio.Task, amount: int) -> None:
        how, label = await answer
        self._book(how, label, amount)
        self.window.release()

    def _book(self, how: str, label: str, amount: int) -> None:
        if how == "known":
            self.summary.records += 1
            self.summary.totals[label] = self.summary.totals.get(label, 0) + amount
        elif how == "failed":
            self.summary.errors += 1
        else:
            self.summary.cancelled = True

    async def run(self, records: Iterable[bytes]) -> Summary:
        self.window = asyncio.Semaphore(4 * self.workers)
        source = iter(records)
        with ThreadPoolExecutor(self.workers) as self.pool:
            async with asyncio.TaskGroup() as group:
                while True:
                    await asyncio.sleep(0)
                    await self.window.acquire()
                    if self._stopped():
                        self.summary.cancelled = True
                        break
                    record = next(source, None)
                    if record is None:
                        break
                    try:
                        key, amount = _key_and_amount(record)
                    except Exception:
                        self.summary.errors += 1
                        self.window.release()
                        continue
                    if key not in self.answers:
                        self.answers[key] = group.create_task(self._look_up(key))
                    answer = self.answers[key]
                    if answer.done():
                        self._book(*answer.result(), amount)
                        self.window.release()
                    else:
                        group.create_task(self._account(answer, amount))
        self.summary.keys = list(self.answers)
        return self.summary


def process_records(
    records: Iterable[bytes],
    enrich: Callable[[str], str],
    *,
    workers: int = 4,
    cancel: threading.Event | None = None,
) -> Summary:
    """Run a loop in a thread of its own: the caller may have one already."""
    if workers < 1:
        raise ValueError("workers")
    night = _Night(enrich, workers, cancel)

    def live() -> Summary:
        try:
            with asyncio.Runner() as runner:
                return runner.run(night.run(records))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    with ThreadPoolExecutor(1) as house:
        return house.submit(live).result()
