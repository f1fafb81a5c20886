"""Scenarios of the race checks, on the copy of the submission that can be stalled."""

import threading

from scenarios.callers import all_at_once

from racecourse.sandbox import stage, stalling

_WITHIN_S = 2.0


def together(callers, gate=None):
    """Ask one key from several threads that start together; the call waits at a gate."""
    flight = stalling.solution().SingleFlight()
    begun, calls = threading.Barrier(callers), []

    def call():
        calls.append(1)  # a list's append is one step
        if gate:
            stage.wait(gate)
        return "answer"

    def ask():
        begun.wait(_WITHIN_S)
        return flight.do("key", call)

    values = all_at_once([ask] * callers)
    return {"calls": len(calls), "values": values}
