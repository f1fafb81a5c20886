"""Announces a frame of a gigabyte.

Outcomes: protocol-violation
"""


def attack():
    everywhere(struct.pack(">I", 1 << 30))
    return 42
