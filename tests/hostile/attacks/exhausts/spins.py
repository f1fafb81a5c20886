"""Runs in a circle for ever.

Outcomes: hang
"""


def attack():
    while True:
        pass
