"""The parts that only compute: tokens, clocks, races, shrinking, values."""

from __future__ import annotations

import pytest

from racecourse.engine.clocks import VectorClock
from racecourse.engine.happens_before import Detector, Race
from racecourse.engine.schedule import (
    CLOCK,
    Address,
    BadTokenError,
    Limits,
    Recipe,
    Schedule,
    read_token,
    write_token,
)
from racecourse.engine.shrink import shrink
from racecourse.engine.sites import Access
from racecourse.engine.threads.values import show


def test_a_token_carries_everything_that_a_replay_needs():
    recipe = Recipe(
        schedule=Schedule.of([(1, 2, 0), (0, 5, CLOCK)]),
        every_site=True,
        limits=Limits(points_max=99, cancel_at=3, early_wakeups=True),
    )
    address = Address(
        path="a b/ü.py",
        function="program",
        modules=(("solution", "s.py"),),
        digest="0123",
    )
    assert read_token(write_token(recipe, address)) == (recipe, address)


def test_a_cut_token_is_refused():
    token = write_token(Recipe(schedule=Schedule()), Address(path="p", function="f"))
    with pytest.raises(BadTokenError):
        read_token(token[:-6])


def test_a_clock_learns_by_merging_only():
    first, second = VectorClock(), VectorClock()
    first.advance(1)
    assert second.epoch(1) == 0
    second.merge(first)
    assert second.epoch(1) == 1


def _two_tasks() -> Detector:
    detector = Detector(updates_conflict=False)
    detector.started(0, 1)
    detector.started(0, 2)
    return detector


def test_unordered_writes_race():
    detector = _two_tasks()
    detector.accessed(1, "x", Access.WRITE, 10)
    detector.accessed(2, "x", Access.WRITE, 11)
    assert detector.races == {Race(first_site=10, second_site=11)}


def test_a_lock_orders_what_it_protects():
    detector = _two_tasks()
    heard = VectorClock()
    detector.accessed(1, "x", Access.WRITE, 10)
    detector.released(1, heard)
    detector.acquired(2, heard)
    detector.accessed(2, "x", Access.WRITE, 11)
    assert not detector.races


def test_what_follows_the_release_is_not_protected():
    detector = _two_tasks()
    heard = VectorClock()
    detector.released(1, heard)
    detector.accessed(1, "x", Access.WRITE, 10)
    detector.acquired(2, heard)
    detector.accessed(2, "x", Access.READ, 11)
    assert detector.races


def test_a_join_orders_all_that_the_ended_task_did():
    detector = _two_tasks()
    detector.accessed(1, "x", Access.WRITE, 10)
    detector.joined(0, 1)
    detector.accessed(0, "x", Access.READ, 11)
    assert not detector.races


def test_two_atomic_updates_do_not_race_but_share():
    racing, sharing = _two_tasks(), Detector(updates_conflict=True)
    for detector in (racing, sharing):
        detector.accessed(1, "x", Access.UPDATE, 10)
        detector.accessed(2, "x", Access.UPDATE, 11)
    assert not racing.races
    assert sharing.locations == {"x"}


def test_reads_alone_never_race():
    detector = _two_tasks()
    detector.accessed(1, "x", Access.READ, 10)
    detector.accessed(2, "x", Access.READ, 11)
    assert not detector.races


SIX = Schedule.of([(0, point, 1) for point in range(6)])


def test_shrinking_leaves_exactly_the_decisions_that_matter():
    needed = {SIX.decisions[1], SIX.decisions[4]}
    smaller = shrink(SIX, lambda s: needed <= set(s.decisions), tries_max=100)
    assert set(smaller.decisions) == needed


def test_a_failure_of_the_serial_run_needs_no_decision():
    assert shrink(SIX, lambda _: True, tries_max=100) == Schedule()


def test_shrinking_stops_at_its_budget():
    calls = []
    shrink(SIX, lambda s: bool(calls.append(s)), tries_max=3)
    assert len(calls) == 3


def test_values_are_shown_short_and_without_running_code():
    class Loud:
        def __repr__(self) -> str:
            raise AssertionError("a report must not run the program")

    assert show([1, "a", Loud()]) == "[1, 'a', a Loud]"
    assert show({"k": (1, 2)}) == "{'k': (1, 2)}"
    assert show({3, 1, 2}) == "{1, 2, 3}"
    assert len(show("x" * 100)) == 40
