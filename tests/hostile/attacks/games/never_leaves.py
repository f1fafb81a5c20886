"""Enters and never leaves, to look like a crowd one after the other.

Outcomes: wrong-result
Test: overlap
"""


def attack():
    from racecourse.sandbox import stage

    stage._ask("leave", "work", data={})
    stage._ask("leave", "work", data={})
    with stage.inside("work"):
        pass
    return 42
