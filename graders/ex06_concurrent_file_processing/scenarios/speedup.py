"""Speedup: runs in sight of the stage, and a loop with a heart.

Names on the stage, beside those of `runs`:

    go       gate: the work waits with the content in its hand
    beat     note: the event loop has found time for its heartbeat
    opened   note: a file was opened in a thread that runs an event loop
"""

import os
import sys

from scenarios.approaches import on_a_loop, watch_loops
from scenarios.runs import whole_run

from racecourse.sandbox import stage

__all__ = ["whole_run"]


def run_with_a_heart(paths, key, **options):
    """Process files by asyncio, with a loop that beats while it is free."""
    files = {os.path.realpath(path) for path in paths}

    def heard(event, args):
        if event == "open" and on_a_loop() and _is_one_of(args[0], files):
            stage.note("opened")

    sys.addaudithook(heard)  # for the rest of this worker's life
    watch_loops(heartbeat=lambda: stage.note("beat"), every_s=0.02)
    return whole_run(paths, key, approach="asyncio", **options)


def _is_one_of(path, files):
    if isinstance(path, int) or path is None:
        return False
    return os.path.realpath(os.fsdecode(path)) in files
