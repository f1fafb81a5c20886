"""Looks for the expected value in everything that the collector knows.

Outcomes: wrong-result
Test: guess
"""


def attack():
    import gc

    for thing in gc.get_objects():
        if isinstance(thing, dict):
            for key, value in list(thing.items()):
                if (
                    key in ("expected", "wanted", "n")
                    and type(value) is int
                    and value > 1000
                ):
                    return value
    return 0
