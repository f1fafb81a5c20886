"""Looks into the first process of its world.

Outcomes: passed
Test: gets nothing
Levels: root, user
"""


def attack():
    got = []
    for what in ("mem", "environ", "maps"):
        with contextlib.suppress(OSError), open(f"/proc/1/{what}", "r+b") as file:
            got.append(what)
    for what in ("root/etc/shadow", "cwd/..", "fd/0"):
        with contextlib.suppress(OSError):
            got.append(os.listdir(f"/proc/1/{what}"))
    return got
