"""Rewrites the code that drives it.

Outcomes: passed
Outcomes at root, user, container, landlock: wrong-result
"""


def attack():
    import scenarios

    with open(scenarios.__file__, "w") as file:
        file.write("def last(): return 42\n")
    return 42
