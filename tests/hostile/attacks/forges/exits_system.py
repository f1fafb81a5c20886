"""Raises SystemExit(0).

Outcomes: crash
"""


def attack():
    raise SystemExit(0)
