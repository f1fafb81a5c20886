"""Is somebody else whenever somebody looks.

Outcomes: passed
Limits: wall_s=5
"""


def attack():
    if os.fork() == 0:
        os.setsid()
        while True:
            if os.fork():
                os._exit(0)
    return 42
