"""Reads what is open in it and in others.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{name}/fd"):
                got.append(os.readlink(f"/proc/{name}/fd/{fd}"))
    return got
