"""Starts threads without end.

Outcomes: wrong-result | memory | crash | hang
Limits: wall_s=9
Levels: root, user, container
"""


def attack():
    stay = threading.Event()
    while True:
        threading.Thread(target=stay.wait).start()
