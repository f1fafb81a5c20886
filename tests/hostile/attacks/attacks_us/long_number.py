"""Returns a number with five thousand digits.

Outcomes: wrong-result | protocol-violation
"""


def attack():
    return 10**5000
