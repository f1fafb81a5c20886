"""Tries to become root.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    got = []
    for call in (os.setuid, os.seteuid, os.setgid):
        with contextlib.suppress(OSError):
            call(0)
    if 0 in os.getresuid():
        got.append("root")
    with open("/proc/self/status") as file:
        status = file.read()
    if "NoNewPrivs:\t1" not in status:
        got.append("may gain privileges")
    if "CapEff:\t0000000000000000" not in status:
        got.append("has capabilities")
    return got
