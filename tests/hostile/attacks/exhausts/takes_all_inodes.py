"""Makes more files than a file system has names for.

Outcomes: wrong-result
Limits: wall_s=20
Levels: root, user
"""


def attack():
    for n in range(30_000):
        open(f"n{n}", "w").close()
    return 42
