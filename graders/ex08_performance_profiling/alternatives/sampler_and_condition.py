"""A8.3: a sampler of the threads' CPU clocks with a hook that only counts; one condition for all."""

import collections
import sys
import threading
import time
import tracemalloc
from dataclasses import dataclass

from slow_pipeline import Summary, parse

_LIBRARY = ("threading.", "queue.", "concurrent.", "selectors.", "asyncio.")
_guard = threading.Lock()


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


class Counter:
    """Counts calls, each thread in a counter of its own."""

    def __init__(self):
        self.local = threading.local()
        self.all = []
        self.done = False

    def __call__(self, frame, event, arg):
        if self.done:
            sys.setprofile(None)
        elif event == "call":
            try:
                calls = self.local.calls
            except AttributeError:
                calls = self.local.calls = collections.Counter()
                self.all.append(calls)
            calls[name_of(frame)] += 1

    def total(self):
        return sum(self.all, collections.Counter())


class Sampler(threading.Thread):
    """Looks a thousand times a second where each thread is, and what it has used."""

    def __init__(self, others):
        super().__init__(daemon=True)
        self.ignored = set(others)
        self.self_s = collections.Counter()
        self.total_s = collections.Counter()
        self.used = {}
        self.over = threading.Event()

    def run(self):
        self.ignored.add(threading.get_ident())
        while not self.over.wait(0.001):
            self.look()

    def look(self):
        for ident, frame in sys._current_frames().items():
            if ident in self.ignored:
                continue
            try:
                clock = time.clock_gettime(time.pthread_getcpuclockid(ident))
            except (OSError, ValueError):
                continue
            spent = clock - self.used.get(ident, 0.0 if ident in self.used else clock)
            self.used[ident] = clock
            self.self_s[name_of(frame)] += spent
            names = set()
            while frame is not None:
                names.add(name_of(frame))
                frame = frame.f_back
            for name in names:
                self.total_s[name] += spent


def name_of(frame):
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"


def profile_call(fn, /, *args, **kwargs):
    if not _guard.acquire(blocking=False):
        raise RuntimeError("already profiling")
    before = [
        thread.ident
        for thread in threading.enumerate()
        if thread is not threading.current_thread()
    ]
    counter, sampler = Counter(), Sampler(before)
    tracing = tracemalloc.is_tracing()
    hooks = sys.getprofile(), threading.getprofile()
    sampler.start()
    if not tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    base, _ = tracemalloc.get_traced_memory()
    begun = time.perf_counter()
    try:
        threading.setprofile(counter)
        sys.setprofile(counter)
        value = fn(*args, **kwargs)
    finally:
        sys.setprofile(hooks[0])
        threading.setprofile(hooks[1])
        counter.done = True
        wall = time.perf_counter() - begun
        _, peak = tracemalloc.get_traced_memory()
        if not tracing:
            tracemalloc.stop()
        sampler.over.set()
        sampler.join()
        _guard.release()
    calls = counter.total()
    spots = [
        Hotspot(name, count, sampler.self_s[name], sampler.total_s[name])
        for name, count in calls.items()
    ]
    spots.sort(key=lambda spot: -spot.self_seconds)
    return value, ProfileReport(wall, max(0, peak - base) / (1024 * 1024), tuple(spots))


def bottlenecks(report, n=3):
    return [
        spot.function
        for spot in report.hotspots
        if not spot.function.startswith(_LIBRARY)
    ][:n]


def hot_lines(fn, /, *args, n=3):
    times, at, since = {}, None, 0.0

    def on_line(frame, event, arg):
        nonlocal at, since
        if at is not None:
            times[at] = times.get(at, 0.0) + time.perf_counter() - since
        at = frame.f_lineno if event == "line" else None
        since = time.perf_counter()
        return on_line

    old = sys.gettrace()
    sys.settrace(lambda frame, *_: on_line if frame.f_code is fn.__code__ else None)
    try:
        fn(*args)
    finally:
        sys.settrace(old)
    whole = sum(times.values()) or 1.0
    return sorted(
        ((line, spent / whole) for line, spent in times.items()), key=lambda p: -p[1]
    )[:n]


class Pipeline:
    """One lock and one condition over everything; look-ups run outside of it."""

    def __init__(self, records, enrich, workers, cancel):
        self.source, self.enrich, self.workers = iter(records), enrich, workers
        self.cancel = cancel
        self.changed = threading.Condition()
        self.keys, self.known, self.to_ask = {}, {}, collections.deque()
        self.waiting = collections.deque()
        self.closed = False
        self.summary = Summary()

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(self.workers)]
        for thread in threads:
            thread.start()
        try:
            self.read()
            self.settle(0)
        finally:
            with self.changed:
                self.closed = True
                self.changed.notify_all()
            for thread in threads:
                thread.join()
        self.count_what_is_known()
        if self.waiting:
            self.summary.cancelled = True
        self.summary.keys = list(self.keys)
        return self.summary

    def stopped(self):
        return self.cancel is not None and self.cancel.is_set()

    def read(self):
        for raw in self.source:
            if self.stopped():
                self.summary.cancelled = True
                return
            try:
                key, amount = parse(raw)
            except Exception:
                self.summary.errors += 1
                continue
            with self.changed:
                if key not in self.keys:
                    self.keys[key] = True
                    self.to_ask.append(key)
                    self.changed.notify_all()
                self.waiting.append((key, amount))
            self.settle(4 * self.workers - 1)

    def settle(self, most):
        """Count records from the front until at most so many are waiting."""
        while len(self.waiting) > most and not self.stopped():
            key, amount = self.waiting[0]
            with self.changed:
                # The event has no condition: look at it now and then.
                while key not in self.known:
                    if self.stopped():
                        return
                    self.changed.wait(0.2)
            self.waiting.popleft()
            self.count(key, amount)

    def count_what_is_known(self):
        left = collections.deque()
        for key, amount in self.waiting:
            if key in self.known:
                self.count(key, amount)
            else:
                left.append((key, amount))
        self.waiting = left

    def count(self, key, amount):
        ok, label = self.known[key]
        if not ok:
            self.summary.errors += 1
            return
        self.summary.totals[label] = self.summary.totals.get(label, 0) + amount
        self.summary.records += 1

    def work(self):
        while True:
            with self.changed:
                while not self.to_ask and not self.closed:
                    self.changed.wait()
                if self.closed or self.stopped():
                    return
                key = self.to_ask.popleft()
            try:
                answer = True, self.enrich(key)
            except Exception:
                answer = False, None
            with self.changed:
                self.known[key] = answer
                self.changed.notify_all()


def process_records(records, enrich, *, workers=4, cancel=None):
    if workers < 1:
        raise ValueError("workers")
    return Pipeline(records, enrich, workers, cancel).run()
