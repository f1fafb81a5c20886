"""Opens files until none can be opened.

Outcomes: wrong-result
"""


def attack():
    kept = []
    while True:
        kept.append(open("/dev/null"))
