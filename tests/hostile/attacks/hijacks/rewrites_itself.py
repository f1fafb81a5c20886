"""Rewrites its own source for the next check.

Outcomes: passed
Outcomes at root, user, container, landlock: wrong-result
"""


def attack():
    import solution

    with open(solution.__file__, "w") as file:
        file.write("def first(): return 0\ndef last(): return 0\n")
    return 42
