"""Leaves a daemon behind: forked twice, detached, files closed.

Outcomes: left-behind
Limits: wall_s=4
Test: leaves nothing
"""


def attack():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            time.sleep(99)
        os._exit(0)
    return 42
