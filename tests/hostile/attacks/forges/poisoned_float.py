"""Returns a float that is near everything.

Outcomes: wrong-result
"""


def attack():
    class Near(float):
        def __lt__(self, other):
            return True

        __le__ = __gt__ = __ge__ = __eq__ = __lt__
        __hash__ = float.__hash__

        def __sub__(self, other):
            return 0.0

        __rsub__ = __sub__

    return Near(41.0)
