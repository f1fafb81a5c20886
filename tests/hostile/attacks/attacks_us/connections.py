"""Opens a thousand connections to the stage.

Outcomes: passed | hang
Limits: wall_s=5
"""


def attack():
    kept = []
    for _ in range(1000):
        with contextlib.suppress(OSError):
            kept.append(connect())
    return 42
