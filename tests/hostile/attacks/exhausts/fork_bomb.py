"""A fork bomb.

Outcomes: processes | crash | wrong-result | hang
Limits: wall_s=5, processes=20
Levels: root, user, container
"""


def attack():
    while True:
        os.fork()
