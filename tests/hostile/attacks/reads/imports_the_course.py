"""Imports graders and references, or finds them beside the grader.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    import racecourse

    got = []
    home = os.path.dirname(os.path.dirname(racecourse.__file__))
    for name in ("graders", "reference", "tests", "racecourse/content"):
        with contextlib.suppress(OSError):
            got += os.listdir(os.path.join(home, name))
    return got
