"""Runs out of the C stack.

Outcomes: crash | wrong-result | memory | hang
Limits: wall_s=9
"""


def attack():
    sys.setrecursionlimit(1 << 30)
    import pickle

    value = None
    for _ in range(10**6):
        value = (value,)
    return len(repr(value))
