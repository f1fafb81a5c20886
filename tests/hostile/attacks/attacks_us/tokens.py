"""Looks for tokens in the environment.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = [value for value in os.environ.values() if "token-of-the-grader" in value]
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if b"token-of-the-grader" in file.read():
                got.append(name)
    return got
