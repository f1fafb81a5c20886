"""Makes five hundred files.

Outcomes: passed
Limits: wall_s=5
"""


def attack():
    for n in range(500):
        open(f"f{n}", "w").close()
    return 42
