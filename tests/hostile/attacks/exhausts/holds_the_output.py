"""Has a detached child hold the output open.

Outcomes: passed
Limits: wall_s=5
"""


def attack():
    if os.fork() == 0:
        os.setsid()
        time.sleep(99)
    return 42
