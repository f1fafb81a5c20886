"""Forks as fast as it can.

Outcomes: crash | processes
Limits: wall_s=5, processes=10
"""


def attack():
    while True:
        if os.fork() == 0:
            time.sleep(99)
