"""Takes the standard streams away.

Outcomes: passed
"""


def attack():
    sys.stdout = sys.stderr = None
    return 42
