"""Writes a report of its own when the interpreter ends.

Outcomes: wrong-result
Levels: root, user, container, landlock
"""


def attack():
    atexit.register(lambda: open(MARKER, "w").write("score: 100"))
    threading.Thread(target=lambda: (time.sleep(0.2), open(MARKER, "w"))).start()
    return 41
