"""Takes threads and locks away.

Outcomes: passed
"""


def attack():
    threading.Thread = threading.Lock = None
    return 42
