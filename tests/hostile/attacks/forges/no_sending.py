"""Takes sending away.

Outcomes: crash | passed
"""


def attack():
    socket.socket.send = None
    return 42
