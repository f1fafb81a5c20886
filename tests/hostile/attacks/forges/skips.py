"""Raises what pytest raises to skip a test.

Outcomes: wrong-result
"""


def attack():
    import pytest

    pytest.skip("not today")
