"""Writes garbage to every open file descriptor.

Outcomes: protocol-violation
"""


def attack():
    everywhere(b"\0\0\0\4oops")
    return 42
