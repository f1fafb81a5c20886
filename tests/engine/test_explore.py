"""The ways in: a live function, a file, a text; and what carries the tasks."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest
from corpus import FOLDER

from racecourse.engine import (
    Backend,
    Budget,
    CannotExploreError,
    Verdict,
    explore,
    explore_file,
    explore_source,
    replay,
)

if TYPE_CHECKING:
    from types import ModuleType

SMALL = Budget(systematic=60, sampled=20, overslept=10)


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_live_function_can_be_explored():
    assert explore(_module("increment").buggy).verdict is Verdict.FAILED


def test_a_function_without_a_place_is_refused_with_a_reason():
    with pytest.raises(CannotExploreError, match="top of a module"):
        explore(lambda: None)


def test_a_file_that_does_not_exist_is_refused_by_name():
    report = explore_file("no/such/file.py")
    assert report.verdict is Verdict.COULD_NOT_RUN
    assert "no/such/file.py" in report.explanation


@pytest.mark.parametrize("name", ["increment", "deadlock01", "nested_submit"])
def test_os_threads_give_the_same_schedules_as_greenlets(name: str):
    path = FOLDER / f"{name}.py"
    for function in ("buggy", "correct"):
        first = explore_file(path, function, budget=SMALL)
        second = explore_file(path, function, budget=SMALL, backend=Backend.OS_THREADS)
        assert first == second


@pytest.mark.parametrize(
    "name",
    [
        "sleep_for_order",  # found while time passes early
        "aio_cancelled_slot",  # found by a cancellation
        "aio_task_order",  # found by permuting steps
        "safestack",  # found while every site was a preemption point
        "din_phil3",  # found with two delays
    ],
)
def test_every_kind_of_finding_can_be_repeated_from_its_token(name: str):
    report = explore_file(FOLDER / f"{name}.py", "buggy")
    again = replay(report.token)
    assert again.explanation == report.explanation
    assert again.failure == report.failure


def test_a_program_that_depends_on_chance_is_not_accused():
    """It fails, but not again: then nothing is claimed."""
    text = """
import os
def program():
    marker = os.environ.pop("RACECOURSE_ONCE", None)
    assert marker is None
"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RACECOURSE_ONCE", "1")
        report = explore_source(text)
    assert report.verdict is Verdict.UNREPEATABLE
