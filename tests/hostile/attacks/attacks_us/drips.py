"""Begins a frame and never ends it.

Outcomes: hang
"""


def attack():
    everywhere(b"\0\0")
    time.sleep(99)
