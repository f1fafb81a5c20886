"""Prints, and kills itself.

Outcomes: crash
"""


def attack():
    print("last words", flush=True)
    os.kill(os.getpid(), 9)
