"""A8.2, A8.4: a hook with a table for each thread; records in chunks over pool.map."""

import itertools
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from slow_pipeline import Summary, parse

_busy = threading.Lock()


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


def profile_call(fn, /, *args, **kwargs):
    if not _busy.acquire(blocking=False):
        raise RuntimeError("profile_call cannot be nested")
    tables, over = {}, False

    def hook(frame, event, arg):
        if over:
            sys.setprofile(None)
            return
        if event not in ("call", "return"):
            return
        now = time.thread_time()
        # A thread has its own entry, and setdefault on a dict is one step.
        table, stack = tables.setdefault(threading.get_ident(), ({}, []))
        if event == "call":
            code = frame.f_code
            name = f"{frame.f_globals.get('__name__')}.{code.co_qualname}"
            entry = table.setdefault(name, [0, 0.0, 0.0])
            entry[0] += 1
            outer = all(open_name != name for open_name, _, _ in stack)
            stack.append([name, now, outer])
            if len(stack) > 1:
                table[stack[-2][0]][1] += now - marks.setdefault(id(stack), now)
            marks[id(stack)] = now
        elif stack:
            name, begun, outer = stack.pop()
            table[name][1] += now - marks.get(id(stack), now)
            marks[id(stack)] = now
            if outer:
                table[name][2] += now - begun

    marks = {}
    traced = tracemalloc.is_tracing()
    before_threads, before_here = threading.getprofile(), sys.getprofile()
    if not traced:
        tracemalloc.start()
    tracemalloc.reset_peak()
    memory = tracemalloc.get_traced_memory()[0]
    start = time.perf_counter()
    threading.setprofile(hook)
    sys.setprofile(hook)
    try:
        value = fn(*args, **kwargs)
    finally:
        sys.setprofile(before_here)
        threading.setprofile(before_threads)
        over = True
        wall = time.perf_counter() - start
        peak = tracemalloc.get_traced_memory()[1]
        if not traced:
            tracemalloc.stop()
        _busy.release()
    merged = {}
    for table, _ in list(tables.values()):
        for name, (calls, self_s, total_s) in list(table.items()):
            old = merged.get(name, (0, 0.0, 0.0))
            merged[name] = (old[0] + calls, old[1] + self_s, old[2] + total_s)
    spots = [Hotspot(name, *costs) for name, costs in merged.items()]
    spots.sort(key=lambda spot: spot.self_seconds, reverse=True)
    return value, ProfileReport(wall, max(0.0, (peak - memory) / 2**20), tuple(spots))


def bottlenecks(report, n=3):
    # Making and starting a thread is work, if little: only what waits is left out.
    waits = {"join", "_wait_for_tstate_lock", "wait", "get", "acquire", "sleep"}
    names = (
        spot.function
        for spot in report.hotspots
        if spot.function.partition(".")[0] not in {"threading", "queue", "time"}
        or spot.function.rpartition(".")[2] not in waits
    )
    return list(itertools.islice(names, n))


def hot_lines(fn, /, *args, n=3):
    code, spent, last = fn.__code__, {}, []

    def local(frame, event, arg):
        now = time.process_time()
        if last:
            line, since = last.pop()
            spent[line] = spent.get(line, 0.0) + now - since
        if event != "return":
            last.append((frame.f_lineno, time.process_time()))
        return local

    old = sys.gettrace()
    sys.settrace(lambda frame, event, arg: local if frame.f_code is code else None)
    try:
        fn(*args)
    finally:
        sys.settrace(old)
    total = sum(spent.values()) or 1
    best = sorted(spent, key=spent.get, reverse=True)[:n]
    return [(line, spent[line] / total) for line in best]


def process_records(records, enrich, *, workers=4, cancel=None):
    if workers < 1:
        raise ValueError(f"workers is {workers}")
    stop = (lambda: False) if cancel is None else cancel.is_set
    summary, labels = Summary(), {}

    def look_up(key):
        if stop():
            return key, None, False
        try:
            return key, enrich(key), True
        except Exception:
            return key, None, True

    source = iter(records)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        while True:
            chunk, more = [], True
            while len(chunk) < 4 * workers:
                if stop():
                    break
                raw = next(source, None)
                if raw is None:
                    more = False
                    break
                try:
                    chunk.append(parse(raw))
                except Exception:
                    summary.errors += 1
            summary.keys += dict.fromkeys(k for k, _ in chunk if k not in labels)
            new = [
                key for key in dict.fromkeys(k for k, _ in chunk) if key not in labels
            ]
            for key, label, asked in pool.map(look_up, new):
                if asked:
                    labels[key] = label
            for key, amount in chunk:
                if key not in labels:
                    summary.cancelled = True
                elif labels[key] is None:
                    summary.errors += 1
                else:
                    label = labels[key]
                    summary.totals[label] = summary.totals.get(label, 0) + amount
                    summary.records += 1
            if not more:
                return summary
            if stop():
                summary.cancelled = True
                return summary
