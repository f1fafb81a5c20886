"""Forges its own answer, and then hangs.

Outcomes: wrong-result
"""


def attack():
    everywhere(frame({"ret": 1, "value": 41}))
    time.sleep(99)
