"""Makes a file of a terabyte that needs no room.

Outcomes: wrong-result
Limits: file_mib=8
"""


def attack():
    with open("sparse", "wb") as file:
        file.truncate(1 << 40)
    return 42
