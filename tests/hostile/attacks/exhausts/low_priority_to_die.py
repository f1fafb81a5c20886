"""Asks the kernel to end others first.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
        file.flush()
        return ["oom_score_adj"]
    return []
