"""Pretends to have more cores.

Outcomes: passed
"""


def attack():
    os.cpu_count = lambda: 64
    os.sched_getaffinity = lambda pid: set(range(64))
    return 42
