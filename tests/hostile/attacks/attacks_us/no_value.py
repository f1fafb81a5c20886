"""Forges an answer without a value.

Outcomes: protocol-violation
"""


def attack():
    everywhere(frame({"ret": 1}))
    return 42
