"""Opens sockets of families that no exercise needs.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = []
    for family in (16, 17, 29, 38, 40):
        with contextlib.suppress(OSError):
            socket.socket(
                family, socket.SOCK_RAW if family in (16, 17) else socket.SOCK_STREAM
            )
            got.append(family)
    return got
