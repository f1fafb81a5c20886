"""Takes the JSON encoder away.

Outcomes: crash
"""


def attack():
    json.dumps = json.loads = None
    return 42
