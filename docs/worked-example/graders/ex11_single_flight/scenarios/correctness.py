"""Scenarios of the correctness checks."""

from solution import SingleFlight


def one_after_the_other(questions):
    """Ask each question alone and return the answers."""
    flight = SingleFlight()
    return [flight.do(key, lambda answer=answer: answer) for key, answer in questions]
