"""Returns a number of a type of its own.

Outcomes: wrong-result
"""


def attack():
    class I(int):
        pass

    return I(41)
