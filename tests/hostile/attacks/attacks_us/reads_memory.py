"""Reads the memory of every process that it can see.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (os.getpid(), os.getppid(), 1):
            for what in ("mem", "environ", "maps"):
                with (
                    contextlib.suppress(OSError),
                    open(f"/proc/{name}/{what}", "rb") as file,
                ):
                    if what != "mem" and file.read(1):
                        got.append(name)
    return got
