"""Removes the folder that it was put into.

Outcomes: passed
Outcomes at root, user, container, landlock: wrong-result
"""


def attack():
    import shutil

    shutil.rmtree(os.getcwd())
    return 42
