"""Returns a list in a list, a hundred thousand deep.

Outcomes: wrong-result | protocol-violation | crash
"""


def attack():
    value = []
    for _ in range(100_000):
        value = [value]
    return value
