"""Looks for the expected value in the frames that called it.

Outcomes: wrong-result
Test: guess
"""


def attack():
    found = []
    frame = sys._getframe()
    while frame is not None:
        for space in (frame.f_locals, frame.f_globals):
            found += [v for v in space.values() if type(v) is int and v > 1000]
        frame = frame.f_back
    return found[0] if found else 0
