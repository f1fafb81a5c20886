"""Correctness: whole runs, failing files, large files, comparisons and choices.

Names on the stage, beside those of `runs`:

    done       note: a file other than the held one has been worked on
    slow ...   gate: the held file waits
    begin      supply: the gate at which each call of the work waits
    look       gate: a run that has returned keeps its results
    pace       supply: seconds that each call of the work takes
    called     note: a comparison begins
"""

import asyncio
import builtins
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solution
from scenarios.approaches import approach_now, watch_loops
from scenarios.runs import (
    Digest,
    Watched,
    caller,
    json_value,
    noting_return,
    paths_of,
    plain,
    whole_run,
)

from racecourse.sandbox import stage

__all__ = ["whole_run"]

watch_loops()


# Whole runs.


@dataclass(frozen=True)
class _Scrambled:
    """Work that ends last for one file, whatever place it has in the list."""

    work: Digest
    slow: str
    gate: str

    def __call__(self, content):
        if content == bytes.fromhex(self.slow):
            stage.wait(self.gate)
        value = self.work(content)
        stage.note("done")
        return value


def scrambled_run(paths, key, *, slow, gate, in_a_thread=False, **options):
    """Process files of which one ends late, perhaps called from a plain thread."""
    work = _Scrambled(Digest(key), slow, gate)

    def run():
        return plain(solution.process_files(paths_of(paths), work, **options))

    if not in_a_thread:
        return run()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


# Faults.


class OutOfStockError(Exception):
    """A student's own exception, as any program has."""


@dataclass(frozen=True)
class _Faulty:
    """Work that raises for some contents."""

    work: Digest
    faults: dict

    def __call__(self, content):
        if content.hex() in self.faults:
            kind, text = self.faults[content.hex()]
            raise (getattr(builtins, kind, None) or OutOfStockError)(text)
        return self.work(content)


def faulty_run(paths, key, *, faults, **options):
    """Process files some of which the worker raises for."""
    table = {content: (kind, text) for content, kind, text in faults}
    work = _Faulty(Digest(key), table)
    return plain(solution.process_files(paths_of(paths), work, **options))


def can_read(path):
    """Whether this process may read the file; root may read everything."""
    return os.access(path, os.R_OK)


# Arguments.


def refusals(cases):
    """Return for each call with wrong arguments the name of the exception, or ''."""
    return [_refusal(function, dict(options)) for function, options in cases]


def _refusal(function, options):
    work = Watched(Digest("00"))
    paths = [Path(name) for name in options.pop("paths")]
    try:
        getattr(solution, function)(paths, work, **options)
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the answer
        return type(error).__name__
    return ""


def refusal_in_a_loop(paths):
    """Call the asyncio approach in a thread whose loop runs; name what it raised."""

    async def call():
        return _refusal("process_files", {"paths": paths, "approach": "asyncio"})

    return asyncio.run(call())


def nothing():
    """Process, compare and choose for no files at all."""
    approaches = ("threading", "multiprocessing", "asyncio")
    work = Digest("00")
    runs = [solution.process_files([], work, approach=each) for each in approaches]
    approach, results = solution.process_best([], work)
    files = [timing.files for timing in solution.compare([], work).values()]
    return {"runs": [list(run) for run in runs], "best": [approach, list(results)]} | {
        "files": files
    }


# Large files.


@dataclass(frozen=True)
class _Heavy:
    """Work that waits with the content in its hand, where it is told to, and may fail."""

    fails: bool = False

    def __call__(self, content):
        size = len(content)
        if gate := stage.draw("begin"):
            stage.wait(gate)
        if self.fails:
            raise ValueError(size)
        return size


def heavy_run(paths, *, fails, **options):
    """Process large files, and keep the results for a look at the memory."""
    results = solution.process_files(paths_of(paths), _Heavy(fails), **options)
    stage.wait("look")
    return [[json_value(result.ok), json_value(result.value)] for result in results]


# Comparisons.


@dataclass(frozen=True)
class _Paced:
    """Work that takes as long as the grader says, and tells how it is being done."""

    work: Digest
    caller: int

    def __call__(self, content):
        approach = approach_now(self.caller)
        with stage.inside("work", approach=approach, file=self.work(content)):
            pause_s = stage.draw("pace")
            time.sleep(pause_s or 0)  # noqa: TID251 - how long it takes is the point
            return self.work(content)


def comparison(paths, key, **options):
    """Compare the approaches by work whose pace the grader sets."""
    stage.note("called")
    with noting_return():
        work = _Paced(Digest(key), caller())
        return _timings(solution.compare(paths_of(paths), work, **options))


def _timings(timings):
    names = ("approach", "seconds", "files", "bytes")
    return {
        str(approach): {name: json_value(getattr(each, name)) for name in names}
        for approach, each in timings.items()
    }


@dataclass(frozen=True)
class _Whereabouts:
    """Work whose answer depends on the process that gives it, for one file at least."""

    caller: int
    how: str
    odd: str = ""

    def __call__(self, content):
        elsewhere = os.getpid() != self.caller
        if self.odd and content.hex() != self.odd:
            return len(content)
        if self.how == "raises there" and elsewhere:
            raise ValueError("not here")
        if self.how == "raises there":
            return None  # as the value of a result that failed
        if self.how == "raises else there":
            raise KeyError("there") if elsewhere else ValueError("here")
        if self.how == "raises everywhere":
            raise ValueError("nowhere")
        return elsewhere if self.how == "value" else len(content)


def disagreement(paths, how, odd):
    """Compare by work that may depend on the process; name what compare raised."""
    work = _Whereabouts(caller(), how, odd)
    try:
        solution.compare(paths_of(paths), work, max_workers=2, repeats=1)
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the answer
        return [base.__name__ for base in type(error).__mro__]
    return []


# Choices.


def choices(cases):
    """Return what best_approach says of each table of seconds."""
    return [
        json_value(
            solution.best_approach(
                {
                    approach: solution.Timing(approach, seconds, 1, 1)
                    for approach, seconds in case
                }
            )
        )
        for case in cases
    ]


@dataclass(frozen=True)
class _Uneven:
    """Work that is slow by all approaches but one."""

    work: Any
    caller: int
    fast: str
    pause_s: float

    def __call__(self, content):
        approach = approach_now(self.caller)
        with stage.inside("work", approach=approach, file=self.work(content)):
            if approach != self.fast:
                time.sleep(self.pause_s)  # noqa: TID251 - being slow is the point
            return self.work(content)


def best_run(paths, key, *, fast, pause_s, **options):
    """Let the submission choose where one approach is plainly the fastest."""
    stage.note("called")
    work = _Uneven(Digest(key), caller(), fast, pause_s)
    with noting_return():
        approach, results = solution.process_best(paths_of(paths), work, **options)
    return [json_value(approach), plain(results)]
