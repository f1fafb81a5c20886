"""Answers a question before it is asked.

Outcomes: protocol-violation
Test: twice
"""


def attack():
    everywhere(frame({"ret": 1, "value": 42}) * 2)
    return 42
