"""Puts a secret into what it prints, where a hidden check is judged.

Outcomes: wrong-result
Test: hidden
"""


def attack():
    print("what-a-hidden-check-was-given", flush=True)
    return 41
