"""Cancellation: runs that are cancelled or interrupted, and all that could stay behind.

Names on the stage, beside those of `runs`:

    cancel ...   gate: `cancel` is set when it opens
    cancelled    note: `cancel` has been set
    go ...       gate: the work waits with the content in its hand
    unclosed     note: Python found something that was never closed
    end ...      gate: a thread that is through with its work waits, and has not ended
"""

import gc
import threading
import warnings

import solution
from scenarios.runs import Digest, Watched, noting_return, paths_of, plain

from racecourse.sandbox import stage


def cancellable_run(paths, key, *, press, gate="", number=0, **options):
    """Process files with a `cancel`.

    `press` says when it is set: "never", "before" the run, or at a "gate".
    """
    cancel = threading.Event()
    if press == "before":
        cancel.set()
    if press == "gate":
        # Python 3.12 warns of a fork beside a thread; this one only waits.
        warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)
        threading.Thread(target=_press, args=(cancel, number)).start()
    work = Watched(Digest(key), gate)
    with noting_return():
        run = solution.process_files
        return plain(run(paths_of(paths), work, cancel=cancel, **options))


def run_of_late_threads(paths, key, *, gate, **options):
    """Process files; each thread that is started meanwhile ends when the gate opens."""
    begun = threading.local()

    def called(frame, _event, _arg):
        if hasattr(begun, "here"):
            return None
        begun.here = True  # this is its run(), which everything else is called from
        frame.f_trace_lines = False
        return returning

    def returning(_frame, event, _arg):
        if event == "return":
            stage.wait(gate)
        return returning

    threading.settrace(called)
    try:
        return cancellable_run(paths, key, press="never", **options)
    finally:
        threading.settrace(None)


def interrupted_run(paths, key, **options):
    """Process files; say whether Ctrl-C came out, and keep nothing of it."""
    try:
        cancellable_run(paths, key, press="never", **options)
    except KeyboardInterrupt:
        return True
    return False


def _press(cancel, number):
    stage.wait(f"cancel {number}")
    cancel.set()
    stage.note("cancelled")


class _Faulty:
    """Work that always raises."""

    def __call__(self, content):
        raise ValueError(len(content))


def faulty_run(paths, **options):
    """Process files that all fail in the worker."""
    return plain(solution.process_files(paths_of(paths), _Faulty(), **options))


def watch_what_is_left():
    """Have the stage told of what is never closed; leave nothing to the collector."""
    warnings.simplefilter("always", ResourceWarning)
    warnings.showwarning = _note_unclosed
    gc.collect()
    gc.disable()


def _note_unclosed(message, category, *_):
    if issubclass(category, ResourceWarning):
        stage.note("unclosed", what=str(message)[:200])


def collect():
    """Have the collector find what was left to it."""
    gc.collect()
