"""Raises what ends a run of pytest, with success.

Outcomes: wrong-result
"""


def attack():
    import pytest

    pytest.exit("done", returncode=0)
