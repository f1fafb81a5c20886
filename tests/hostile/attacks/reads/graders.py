"""Reads the hidden graders by their path.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = []
    for path in (SECRET, SECRET_CLOSED):
        with contextlib.suppress(OSError), open(path) as file:
            got.append(file.read())
    return got
