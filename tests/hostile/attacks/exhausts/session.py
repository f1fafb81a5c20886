"""Leaves a program behind in a session of its own.

Outcomes: left-behind
Limits: wall_s=4
Test: leaves nothing
"""


def attack():
    subprocess.Popen(["sleep", "99"], start_new_session=True)
    return 42
