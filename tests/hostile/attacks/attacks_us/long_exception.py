"""Forges an exception with a text of a megabyte.

Outcomes: wrong-result
"""


def attack():
    everywhere(frame({"exc": 1, "text": "x" * 900000}))
    return 42
