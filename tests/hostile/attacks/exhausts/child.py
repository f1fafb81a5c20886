"""Leaves a child behind that ignores SIGTERM.

Outcomes: left-behind
Limits: wall_s=4
Test: leaves nothing
"""


def attack():
    if os.fork() == 0:
        signal.signal(15, signal.SIG_IGN)
        time.sleep(99)
    return 42
