"""Makes memory that belongs to no process.

Outcomes: wrong-result
Levels: root, user, container, landlock
"""


def attack():
    fd = os.memfd_create("hidden")
    os.truncate(fd, 1 << 30)
    return 42
