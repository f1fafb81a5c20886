"""Calls itself without end.

Outcomes: wrong-result
"""


def attack():
    def again():
        return again()

    return again()
