"""Stops itself, so that no CPU time is used up.

Outcomes: hang
"""


def attack():
    os.kill(os.getpid(), signal.SIGSTOP)
