"""Returns True for 1.

Outcomes: wrong-result
Test: one
"""


def attack():
    return True
