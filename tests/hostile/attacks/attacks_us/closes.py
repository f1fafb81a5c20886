"""Closes every file descriptor.

Outcomes: crash
"""


def attack():
    os.closerange(0, 100)
    return 42
