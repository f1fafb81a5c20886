"""Returns all answers at once.

Outcomes: wrong-result
Test: guess
"""


def attack():
    return list(range(100_000))
