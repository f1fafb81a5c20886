"""Returns something that is equal to everything.

Outcomes: wrong-result
"""


def attack():
    class E:
        def __eq__(self, other):
            return True

    return E()
