"""Races: a stalled crowd, two runs at once, and processes that inherit nothing.

Names on the stage, beside those of `runs`:

    go ...   gate: the work of one of two runs waits; a supply may name another gate
    over ... note: one of two runs has ended
    ran      note: work was called, and whether it inherited the caller's memory
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import solution
from scenarios.runs import Digest, Watched, paths_of, plain, whole_run

from racecourse.sandbox import stage, stalling

__all__ = ["whole_run"]


class _Counted:
    """Work that counts how often it was called, whoever calls it."""

    def __init__(self, work):
        self.work, self.calls, self.lock = work, 0, threading.Lock()

    def __call__(self, content):
        with self.lock:
            self.calls += 1
        return self.work(content)


def crowd(paths, key, **options):
    """Process files by threads; return the results and the number of calls."""
    work = _Counted(Digest(key))
    run = stalling.solution().process_files
    results = run(paths_of(paths), work, approach="threading", **options)
    return [plain(results), work.calls]


def at_once(runs, approaches, gates):
    """Run twice at the same time, with different files and different work."""

    def work(run, approach, gate):
        job = Watched(Digest(run["key"]), gate)
        paths = paths_of(run["paths"])
        try:
            results = solution.process_files(
                paths, job, approach=approach, max_workers=2
            )
        finally:
            stage.note(f"over {gate}")
        return plain(results)

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(work, runs, approaches, gates))


_set_at_run_time = []


@dataclass(frozen=True)
class _Telling:
    """Work that tells whether it sees what the caller set at run time."""

    work: Digest

    def __call__(self, content):
        stage.note("ran", inherited=bool(_set_at_run_time))
        return self.work(content)


def run_in_processes(paths, key):
    """Run processes, by the start method that this worker has been given."""
    _set_at_run_time.append("seen by a forked process only")
    work = _Telling(Digest(key))
    run = {"approach": "multiprocessing", "max_workers": 2}
    return plain(solution.process_files(paths_of(paths), work, **run))
