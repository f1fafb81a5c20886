"""Pretends to be three threads at once.

Outcomes: wrong-result
Test: overlap
"""


def attack():
    from racecourse.sandbox import stage

    for _ in range(3):
        with stage.inside("work"):
            pass
    return 42
