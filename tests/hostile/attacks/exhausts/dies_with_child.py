"""Aborts while a child lives on.

Outcomes: crash
"""


def attack():
    os.fork() or time.sleep(99)
    os.abort()
