"""Scenarios of the speed checks."""

from functools import partial

from scenarios.callers import all_at_once
from solution import SingleFlight

from racecourse.sandbox import stage


def three_keys():
    """Ask three keys at once; the calls wait for each other on the stage."""
    flight = SingleFlight()

    def call():
        stage.meet("calls", parties=3, within_s=2)

    all_at_once([partial(flight.do, key, call) for key in "abc"])
