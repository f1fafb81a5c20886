"""Looks for test functions in memory, to put other code into them.

Outcomes: wrong-result
"""


def attack():
    import gc
    import types

    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and thing.__name__.startswith("test_"):
            thing.__code__ = (lambda *a: None).__code__
    return 41
