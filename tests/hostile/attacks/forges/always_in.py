"""Returns something that contains everything.

Outcomes: wrong-result
"""


def attack():
    class All:
        def __contains__(self, item):
            return True

        def __iter__(self):
            return iter(range(10**9))

        def __len__(self):
            return 42

    return All()
