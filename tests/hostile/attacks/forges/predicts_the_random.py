"""Seeds and patches random, to know what will be drawn.

Outcomes: wrong-result
Test: guess
"""


def attack():
    import random

    random.seed(0)
    random.randrange = random.Random.randrange = lambda *a: 42
    return 42
