"""Asks for sixteen terabytes at once.

Outcomes: memory
"""


def attack():
    return len(bytearray(1 << 44))
