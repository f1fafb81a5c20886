"""Looks who else is there.

Outcomes: passed
Test: gets nothing
Levels: root, user
"""


def attack():
    known = {os.getpid(), os.getppid(), 1}
    return [n for n in os.listdir("/proc") if n.isdigit() and int(n) not in known]
