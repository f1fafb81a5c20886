"""Stops its parent.

Outcomes: passed
Outcomes at root, user: wrong-result
Outcomes at container, landlock: wrong-result
"""


def attack():
    os.kill(os.getppid(), signal.SIGSTOP)
    return 42
