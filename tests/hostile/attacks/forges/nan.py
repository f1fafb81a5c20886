"""Returns a number that is not one.

Outcomes: wrong-result
"""


def attack():
    return float("nan")
