"""Scenarios of the checks of endings."""

from scenarios.callers import all_at_once
from solution import SingleFlight

from racecourse.sandbox import stage


def a_call_that_fails(text, answer):
    """Two threads share a call that raises at the gate `fail`; then one asks again."""
    flight = SingleFlight()

    def call():
        stage.wait("fail")
        raise OSError(text)

    def ask():
        try:
            flight.do("key", call)
        except OSError as error:
            return str(error)

    return {"both": all_at_once([ask, ask]), "then": flight.do("key", lambda: answer)}
