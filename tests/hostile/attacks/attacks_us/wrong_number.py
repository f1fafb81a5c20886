"""Forges an answer to another question.

Outcomes: protocol-violation
"""


def attack():
    everywhere(frame({"ret": 9, "value": 42}))
    return 42
