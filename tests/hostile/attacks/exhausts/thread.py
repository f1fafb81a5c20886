"""Leaves a thread behind.

Outcomes: left-behind
Limits: wall_s=4
Test: leaves nothing
"""


def attack():
    threading.Thread(target=time.sleep, args=(99,)).start()
    return 42
