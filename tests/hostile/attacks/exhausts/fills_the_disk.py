"""Fills every place that it may write to.

Outcomes: wrong-result | memory
Limits: wall_s=9, memory_mib=100
Levels: root, user
"""


def attack():
    for folder in (os.getcwd(), tempfile.gettempdir(), "/dev/shm"):
        for n in range(10_000):
            with open(f"{folder}/fill{n}", "wb") as file:
                file.write(bytes(1 << 20))
    return 42
