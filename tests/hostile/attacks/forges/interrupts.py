"""Raises KeyboardInterrupt, as if somebody had pressed Ctrl-C.

Outcomes: wrong-result
"""


def attack():
    raise KeyboardInterrupt
