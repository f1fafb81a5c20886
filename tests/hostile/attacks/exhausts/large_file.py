"""Writes a file without end.

Outcomes: wrong-result
Limits: file_mib=2
"""


def attack():
    with open("f", "wb") as f:
        while True:
            f.write(bytes(1 << 20))
