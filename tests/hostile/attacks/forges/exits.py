"""Ends the process at once, with success.

Outcomes: crash
"""


def attack():
    os._exit(0)
