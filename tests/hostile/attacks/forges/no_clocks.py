"""Takes the clocks away.

Outcomes: passed
"""


def attack():
    time.monotonic = time.sleep = None
    return 42
