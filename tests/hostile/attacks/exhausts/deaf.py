"""Ignores every signal that can be ignored.

Outcomes: hang
"""


def attack():
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    signal.alarm(0)
    while True:
        time.sleep(9)
