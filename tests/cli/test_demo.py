"""`grade demo` shows a right solution and three wrong ones, on the real exercise 3."""

# ruff: noqa: ANN001
# Fixtures need no types, as in the graders.

import pytest


@pytest.mark.slow
def test_the_demo_shows_full_marks_a_race_a_hang_and_an_attack(grade):
    done = grade("demo", tiny=False)
    assert done.returncode == 0
    right, race, hang, attack = done.stdout.split("Exercise 3: ")[1:]
    assert "100 of 100 points" in right
    assert "  Cause         race\n" in race
    assert "  Cause         hang\n" in hang
    assert "  Cause         crash\n" in attack
    assert "\x1b" not in attack


def test_a_course_without_exercise_3_has_no_demo(grade):
    done = grade("demo")
    assert done.returncode == 2
    assert done.stderr.startswith("There is no exercise or command 'ex3'.")
