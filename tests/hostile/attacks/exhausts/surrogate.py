"""Raises an exception whose text no file can hold.

Outcomes: wrong-result
"""


def attack():
    raise ValueError("\ud800")
