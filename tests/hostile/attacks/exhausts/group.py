"""Leaves its process group.

Outcomes: passed
"""


def attack():
    os.kill(0, 0)
    os.fork() or os.setsid()
    return 42
