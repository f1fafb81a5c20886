"""Never comes back.

Outcomes: hang
"""


def attack():
    threading.Event().wait()
