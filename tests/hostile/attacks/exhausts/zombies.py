"""Leaves fifty children unburied.

Outcomes: passed
Limits: wall_s=5
"""


def attack():
    for _ in range(50):
        if os.fork() == 0:
            os._exit(0)
    return 42
