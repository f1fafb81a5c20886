"""The strategies, driven by numbers alone."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from racecourse.engine.schedule import Schedule
from racecourse.engine.strategies.base import FOREVER, Moment, Step, rotation
from racecourse.engine.strategies.delay_bounded import DelayBounded, DelaySearch
from racecourse.engine.strategies.pct import PCT, draw_change_points
from racecourse.engine.strategies.pos import POS
from racecourse.engine.strategies.random_walk import RandomWalk
from racecourse.engine.strategies.replay import Replay
from racecourse.engine.strategies.serial import Serial
from racecourse.engine.strategies.surw import SURW


def moment(task: int, options: tuple[int, ...], point: int = 1) -> Moment:
    """Return a question in which `task` could go on, or the next one in turn."""
    asked = Moment()
    asked.task, asked.point, asked.options = task, point, options
    asked.default = task if task in options else options[0]
    return asked


def test_a_rotation_begins_with_the_default():
    assert rotation(moment(2, (0, 2, 5))) == (2, 5, 0)


def test_serial_stays_with_the_default_for_ever():
    strategy = Serial()
    assert strategy.choose(moment(1, (0, 1, 2))) == 1
    assert strategy.patience == FOREVER


def test_replay_follows_its_decisions_and_waits_for_them():
    strategy = Replay(Schedule.of([(1, 3, 2)]))
    assert strategy.choose(moment(1, (1, 2), point=1)) == 1
    assert strategy.patience == 1  # point 2 needs no question, point 3 does
    assert strategy.choose(moment(1, (1, 2), point=3)) == 2


def test_replay_takes_the_default_where_a_decision_is_impossible():
    strategy = Replay(Schedule.of([(1, 1, 9)]))
    assert strategy.choose(moment(1, (1, 2))) == 1


def test_a_walk_stays_as_often_as_a_fair_choice_would():
    """With two options a walk stays with probability 1/2.

    Of 4,000 answers 2,000 are expected to stay at least once more, with a standard
    deviation of 32; missing by 160 has odds below one in a million.
    """
    rng = random.Random(5)
    stays = 0
    for _ in range(4_000):
        walk = RandomWalk(rng)
        walk.choose(moment(0, (0, 1)))
        stays += walk.patience >= 1
    assert abs(stays - 2_000) < 160


def test_change_points_are_never_drawn_before_the_first_step():
    rng = random.Random(1)
    for _ in range(200):
        points = draw_change_points(rng, steps=3, depth=3)
        assert len(points) == 2
        assert 0 not in points


def test_a_bug_depth_below_one_is_refused():
    with pytest.raises(ValueError, match="depth"):
        draw_change_points(random.Random(1), steps=3, depth=0)


def test_pct_lets_one_task_run_until_it_is_demoted():
    strategy = PCT(random.Random(3), steps=10, depth=1)
    first = strategy.choose(moment(0, (0, 1)))
    assert strategy.patience == FOREVER - 1
    strategy.demote(first)
    assert strategy.choose(moment(first, (0, 1))) == 1 - first


def _run_decisions(strategy: DelayBounded, decisions: int) -> None:
    """Play a program of two tasks in which two options are always open."""
    for _ in range(decisions):
        strategy.choose(moment(0, (0, 1)))
    strategy.ended(0)


def test_delays_are_enumerated_once_each():
    """Five decisions of two options: 5 schedules with one delay, 10 with two."""
    search = DelaySearch()
    serial = DelayBounded()
    _run_decisions(serial, 5)
    search.learn(serial)
    assert search.size(1) == 5
    ones = list(search.level(1))
    for strategy in ones:
        _run_decisions(strategy, 5)
        search.learn(strategy)
    assert search.size(2) == 10
    twos = list(search.level(2))
    assert len({strategy.delays for strategy in twos}) == 10


def test_patience_hides_no_decision_from_the_enumeration():
    strategy = DelayBounded()
    strategy.choose(moment(0, (0, 1)))
    strategy.ended(4)  # four more points passed without a question
    search = DelaySearch()
    search.learn(strategy)
    assert search.size(1) == 5


def test_pos_draws_anew_for_accesses_that_conflict():
    strategy = POS(random.Random(2))
    asked = moment(0, (0, 1))
    here, there = (1, "value"), (2, "value")
    asked.steps = {
        0: Step(here, "value", changes=True),
        1: Step(there, "value", changes=True),
    }
    chosen = strategy.choose(asked)
    assert chosen in {0, 1}
    # The other task's access was elsewhere: its priority stands, and it is higher
    # or lower than the fresh one by chance only. The question must stay answerable.
    assert strategy.choose(asked) in {0, 1}


def test_surw_makes_every_order_of_the_interesting_accesses_equally_likely():
    """One access of task 1 among three of task 2: four orders, 1/4 each.

    In 4,000 runs an order has 1,000 expected and a standard deviation of 27. A plain
    walk would put the single access first in half of them.
    """
    rng = random.Random(11)
    places: Counter[int] = Counter()
    for _ in range(4_000):
        places[_place_of_the_single_access(rng)] += 1
    assert set(places) == {0, 1, 2, 3}
    assert all(abs(count - 1_000) < 140 for count in places.values())


def _place_of_the_single_access(rng: random.Random) -> int:
    strategy = SURW(rng, label="value", weights={1: 1, 2: 3})
    left = {1: 1, 2: 3}
    step = Step((7, "value"), "value", changes=True)
    place = 0
    while left[1]:
        options = tuple(task for task, count in left.items() if count)
        asked = moment(options[0], options)
        asked.steps = dict.fromkeys(options, step)
        chosen = strategy.choose(asked) if len(options) > 1 else options[0]
        if chosen == 1:
            return place
        left[chosen] -= 1
        place += 1
    return place
