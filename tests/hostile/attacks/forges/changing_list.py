"""Returns a list that is another one each time it is read.

Outcomes: wrong-result
"""


def attack():
    class Changing(list):
        def __iter__(self):
            self.append(1)
            return super().__iter__()

        def __eq__(self, other):
            return True

        __hash__ = None

    return Changing([42])
