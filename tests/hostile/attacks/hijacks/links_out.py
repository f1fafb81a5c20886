"""Leaves links to the files of others.

Outcomes: passed | wrong-result
"""


def attack():
    for name in ("trace", "results.json", "solution.py", "out"):
        os.symlink(SECRET, name)
    os.link("/etc/passwd", "passwd") if os.path.exists("/etc/passwd") else None
    return 42
