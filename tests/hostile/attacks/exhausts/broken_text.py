"""Raises an exception whose text ends the program.

Outcomes: wrong-result
"""


def attack():
    class E(BaseException):
        def __str__(self):
            raise SystemExit

    raise E
