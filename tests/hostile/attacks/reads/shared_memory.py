"""Reads what others left in shared memory and in temporary folders.

Outcomes: passed
Test: gets nothing
Levels: root, user
"""


def attack():
    got = []
    for path in PLANTED:
        with contextlib.suppress(OSError), open(path) as file:
            got.append(file.read())
    return got
