"""Goes through /proc to files that it cannot name.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = []
    for name in os.listdir("/proc"):
        for way in ("root", "cwd"):
            with contextlib.suppress(OSError):
                if os.path.exists(f"/proc/{name}/{way}{SECRET}"):
                    with open(f"/proc/{name}/{way}{SECRET}") as file:
                        got.append(file.read())
    return got
