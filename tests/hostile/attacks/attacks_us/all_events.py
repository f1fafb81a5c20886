"""Fills the log of the stage.

Outcomes: passed | wrong-result | crash | hang
Limits: wall_s=9
"""


def attack():
    from racecourse.sandbox import stage

    for _ in range(100):
        stage.note("x", data="y" * 500_000)
    return 42
