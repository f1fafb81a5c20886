"""Has a detached child print after the answer.

Outcomes: passed | output-limit
Limits: wall_s=5
"""


def attack():
    if os.fork() == 0:
        os.setsid()
        while True:
            print("x" * 1000, flush=True)
    return 42
