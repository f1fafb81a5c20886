"""Leaves a thread behind that spins.

Outcomes: passed
"""


def attack():
    def spin():
        while True:
            pass

    threading.Thread(target=spin).start()
    return 42
