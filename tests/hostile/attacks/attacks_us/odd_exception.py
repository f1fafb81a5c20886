"""Forges an exception that makes no sense.

Outcomes: protocol-violation
"""


def attack():
    everywhere(frame({"exc": 1, "trace": [5]}))
    return 42
