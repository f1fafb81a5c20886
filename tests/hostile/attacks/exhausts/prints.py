"""Prints for ever.

Outcomes: output-limit
Limits: output_mib=2
"""


def attack():
    while True:
        print("x" * 100000)
