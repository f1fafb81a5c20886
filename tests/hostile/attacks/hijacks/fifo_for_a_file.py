"""Leaves pipes where files should be.

Outcomes: passed
"""


def attack():
    for name in ("results.json", "trace", "solution.py"):
        os.mkfifo(name)
    return 42
