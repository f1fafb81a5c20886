"""Kills its parent.

Outcomes: crash
Outcomes at root: wrong-result
Outcomes at user: hang | wrong-result
Outcomes at container, landlock: wrong-result
"""


def attack():
    os.kill(os.getppid(), 9)
    time.sleep(99)
