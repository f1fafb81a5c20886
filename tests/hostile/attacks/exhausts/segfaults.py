"""Ends with a segmentation fault.

Outcomes: crash
"""


def attack():
    os.kill(os.getpid(), 11)
