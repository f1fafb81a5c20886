"""Returns half of a character.

Outcomes: wrong-result | protocol-violation
"""


def attack():
    return "\ud800"
