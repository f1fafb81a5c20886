"""Puts a stage of its own where the grader listens.

Outcomes: passed
Outcomes at root, user, container, landlock: wrong-result
"""


def attack():
    address = os.environ["RACECOURSE_STAGE"]
    os.remove(address)
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    return 42
