"""Returns what was right last time.

Outcomes: wrong-result
Test: guess
"""


def attack():
    return 123_456_789
