"""By which approach a file is being processed just now, as the work itself can see.

In another process than the caller's: by processes. In the caller's while one of its
threads runs an event loop: by asyncio. Else by threads. Loops are seen at the place where
every loop of asyncio runs; there a heart can be given to them too.
"""

import asyncio
import os
import threading

_loops = {}  # thread that runs an event loop now: that loop


def watch_loops(*, heartbeat=None, every_s=0.01):
    """See from now on which threads run loops; have each loop call `heartbeat`."""
    base = asyncio.BaseEventLoop
    run_forever = base.run_forever

    def watched(loop):
        thread = threading.get_ident()
        _loops[thread] = loop
        if heartbeat is not None:
            beat(loop)
        try:
            run_forever(loop)
        finally:
            del _loops[thread]

    def beat(loop):
        heartbeat()
        loop.call_later(every_s, beat, loop)

    base.run_forever = watched


def on_a_loop():
    """Whether this thread runs an event loop."""
    return threading.get_ident() in _loops


def approach_now(caller):
    """Name the approach that has called the work in this thread."""
    if os.getpid() != caller:
        return "multiprocessing"
    return "asyncio" if _loops else "threading"
