"""A8.1: a profile.Profile for each thread, merged by pstats; futures that are waited for.

cProfile would be quicker, but Python 3.12 refuses a second one, and on 3.11 nobody can
switch off the one of a thread that outlives the call. Its twin in Python can look up.
"""

import profile
import pstats
import sys
import threading
import time
import tracemalloc
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from slow_pipeline import Summary, parse

_WAITERS = ("threading", "queue", "concurrent", "selectors", "asyncio")
_profiling = threading.Lock()


@dataclass(frozen=True)
class Hotspot:
    function: str
    calls: int
    self_seconds: float
    total_seconds: float


@dataclass(frozen=True)
class ProfileReport:
    wall_seconds: float
    peak_memory_mb: float
    hotspots: tuple[Hotspot, ...]


class ThreadProfile(profile.Profile):
    """The profile of one thread, in its CPU time."""

    def __init__(self, over):
        super().__init__(timer=time.thread_time)
        self.over = over
        self.names = {}
        self.lock = threading.Lock()  # a thread may go on while its profile is read
        self.bottom = self.cur

    def __call__(self, frame, event, arg):
        with self.lock:
            if self.over.is_set():
                sys.setprofile(None)
            elif event == "call":
                code = frame.f_code
                key = code.co_filename, code.co_firstlineno, code.co_name
                module = frame.f_globals.get("__name__")
                self.names[key] = f"{module}.{code.co_qualname}"
                self.dispatcher(frame, event, arg)
            # A thread begins inside of functions whose call was not seen.
            elif event == "return" and self.cur is not self.bottom:
                self.dispatcher(frame, event, arg)

    def create_stats(self):
        with self.lock:
            # What still runs is counted up to the last that was seen of it.
            self.get_time = lambda: self.t
            self.simulate_cmd_complete()
            self.snapshot_stats()


class Profiler:
    """Gives each new thread a profile, at the first event it has."""

    def __init__(self):
        self.over = threading.Event()
        self.profiles = [ThreadProfile(self.over)]

    def begin(self, frame, event, arg):
        if self.over.is_set():
            sys.setprofile(None)
            return
        mine = ThreadProfile(self.over)
        self.profiles.append(mine)
        sys.setprofile(mine)
        mine(frame, event, arg)

    def hotspots(self):
        first, *others = list(self.profiles)
        stats = pstats.Stats(first)
        for other in others:
            stats.add(other)
        names = {}
        for one in [first, *others]:
            names.update(one.names)
        spots = [
            Hotspot(names[key], calls, self_s, total_s)
            for key, (_, calls, self_s, total_s, _) in stats.stats.items()
            if key in names
        ]
        return tuple(sorted(spots, key=lambda s: s.self_seconds, reverse=True))


def profile_call(fn, /, *args, **kwargs):
    if not _profiling.acquire(blocking=False):
        raise RuntimeError("a profile is being made already")
    try:
        return _profile_call(fn, args, kwargs)
    finally:
        _profiling.release()


def _profile_call(fn, args, kwargs):
    profiler = Profiler()
    hook, hook_of_threads = sys.getprofile(), threading.getprofile()
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        begun = time.perf_counter()
        try:
            threading.setprofile(profiler.begin)
            sys.setprofile(profiler.profiles[0])
            value = fn(*args, **kwargs)
        finally:
            sys.setprofile(hook)
            threading.setprofile(hook_of_threads)
            profiler.over.set()
        wall = time.perf_counter() - begun
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not tracing:
            tracemalloc.stop()
    memory = max(peak - before, 0) / 2**20
    return value, ProfileReport(wall, memory, profiler.hotspots())


def bottlenecks(report, n=3):
    working = [
        spot.function
        for spot in report.hotspots
        if spot.function.split(".")[0] not in _WAITERS
    ]
    return working[:n]


def hot_lines(fn, /, *args, n=3):
    seconds = {}
    line, since = None, 0.0

    def close():
        nonlocal line
        if line is not None:
            spent = time.thread_time() - since
            seconds[line] = seconds.get(line, 0.0) + spent
        line = None

    def trace_lines(frame, event, arg):
        nonlocal line, since
        if event in ("line", "return"):
            close()
        if event == "line":
            line, since = frame.f_lineno, time.thread_time()
        return trace_lines

    def trace_calls(frame, event, arg):
        return trace_lines if frame.f_code is fn.__code__ else None

    before = sys.gettrace()
    sys.settrace(trace_calls)
    try:
        fn(*args)
    finally:
        sys.settrace(before)
    whole = sum(seconds.values()) or 1.0
    shares = [(line, spent / whole) for line, spent in seconds.items()]
    return sorted(shares, key=lambda share: share[1], reverse=True)[:n]


class Stopped(Exception):
    """The run was stopped before this key was asked for."""


def process_records(records, enrich, *, workers=4, cancel=None):
    if workers < 1:
        raise ValueError("workers must be at least 1")
    stop = threading.Event() if cancel is None else cancel
    summary = Summary()
    labels: dict[str, Future[str]] = {}
    waiting: deque[tuple[Future[str], int]] = deque()

    def ask(key):
        if stop.is_set():
            raise Stopped
        return enrich(key)

    def count(label, amount):
        try:
            text = label.result()
        except Stopped:
            summary.cancelled = True
        except Exception:
            summary.errors += 1
        else:
            summary.totals[text] = summary.totals.get(text, 0) + amount
            summary.records += 1

    def settle(most):
        while len(waiting) > most and not stop.is_set():
            label, amount = waiting[0]
            # An Event wakes nobody who waits for a future: look up now and then.
            if wait([label], timeout=0.05).done:
                waiting.popleft()
                count(label, amount)

    source = iter(records)
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        while True:
            if stop.is_set():
                summary.cancelled = True
                break
            try:
                key, amount = parse(next(source))
            except StopIteration:
                break
            except Exception:
                summary.errors += 1
                continue
            if key not in labels:
                labels[key] = pool.submit(ask, key)
            waiting.append((labels[key], amount))
            settle(4 * workers - 1)
        settle(0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    for label, amount in waiting:
        if label.cancelled():
            summary.cancelled = True
        else:
            count(label, amount)
    summary.keys = list(labels)
    return summary
