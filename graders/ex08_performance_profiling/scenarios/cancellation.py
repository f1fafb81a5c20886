"""Scenarios of the cancellation checks."""

import sys
import threading

from scenarios import records, workloads
from solution import profile_call

from racecourse.sandbox import stage


def cancelled(known, count, workers):
    """Run over keys with quick labels, then over keys whose look-ups are held at `go`.

    One of those that the workers begin with is held at `last`. The event is set when told
    to, at `cancel`; look-ups that begin later wait at `late`.
    """
    last = f"key {workers - 1}"
    cancel = threading.Event()

    def enrich(key):
        if key.startswith("quick"):
            return key
        gate = "last" if key == last else "go"
        return records.held(key, at="late" if cancel.is_set() else gate)

    def set_when_told():
        stage.wait("cancel")
        cancel.set()
        stage.note("set")

    threading.Thread(target=set_when_told).start()
    keys = [f"quick {i}" for i in range(known)] + [f"key {i}" for i in range(count)]
    source = records.noted(records.record(key, 1) for key in keys)
    summary = records.run(source, enrich, workers=workers, cancel=cancel)
    stage.note("returned")
    return summary


def interrupted():
    """Profile a function that is interrupted; return what came out and what is left."""

    def fails():
        workloads.tick()
        raise KeyboardInterrupt

    try:
        profile_call(fails)
        raised = "nothing"
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
        raised = type(error).__name__
    hooks = {
        "sys.getprofile()": sys.getprofile(),
        "threading.getprofile()": threading.getprofile(),
        "sys.gettrace()": sys.gettrace(),
    }
    left = sorted(name for name, hook in hooks.items() if hook is not None)
    try:
        again = profile_call(workloads.ticks, 2)[1].hotspots != ()
    except Exception as error:  # noqa: BLE001 - likewise
        again = type(error).__name__
    return {"raised": raised, "left": left, "again": again}


def blocked(keys, workers):
    """Run with every look-up held at `go`."""
    source = [records.record(f"key {i}", 1) for i in range(keys)]
    return records.run(source, records.held, workers=workers)
