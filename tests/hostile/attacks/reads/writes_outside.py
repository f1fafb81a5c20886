"""Writes wherever others might read.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = []
    for path in (MARKER, "/etc/rc-marker", "/usr/rc-marker", "/rc-marker", SECRET):
        with contextlib.suppress(OSError), open(path, "a") as file:
            file.write("x")
            got.append(path)
    return got
