"""Makes folders in folders, three thousand deep.

Outcomes: passed
Limits: wall_s=5
"""


def attack():
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    return 42
