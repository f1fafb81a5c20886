"""Stops its parent.

Outcomes: passed
Outcomes at root: wrong-result
Outcomes at user: passed
Outcomes at container, landlock: wrong-result
"""


def attack():
    os.kill(os.getppid(), signal.SIGSTOP)
    return 42
