"""Uses CPU time for ever.

Outcomes: timeout
Limits: wall_s=9, cpu_s=1
"""


def attack():
    while True:
        pass
