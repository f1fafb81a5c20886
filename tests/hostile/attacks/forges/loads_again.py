"""Has itself loaded once more, by hand.

Outcomes: protocol-violation
"""


def attack():
    everywhere(frame({"loaded": 0, "value": []}))
    return 42
