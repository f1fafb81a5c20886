"""Speedup: slots are never idle while tasks wait, and waiting costs next to nothing.

Seconds are virtual and exact; iterations are those of the event loop.
"""

import heapq

from racecourse.checks import check, must

ROUNDING_S = 0.001
TOLERANCE_S = 0.2
ITERATIONS = 200


@check("S1")
def test_a_slot_is_never_idle_while_a_task_waits(submission, draw):
    """Tasks take the time that their number and their slots make necessary, no more."""
    slots = 4
    short = draw.choice((1.0, 2.0))
    uneven = [5 * short, short, short, short] * 3
    for name, durations in (("even", [1.0] * 12), ("uneven", uneven)):
        seen = submission.virtual(
            "makespan", limit=slots, durations=durations, name=name
        ).value
        must.equal(seen["results"], list(range(12)), what="results of 12 tasks")
        tasks = (
            "12 tasks of 1 s"
            if name == "even"
            else f"12 tasks of {', '.join(f'{d:g}' for d in durations)} s"
        )
        peak = submission.stage.peak(name)
        must.equal(peak, slots, what=f"{tasks} in {slots} slots: most at once")
        # Which task goes first is no matter of speed: the order is taken as it was.
        starts = submission.stage.log(name, "enter")
        in_order = [durations[event.data["task"]] for event in starts]
        possible_s = _list_schedule_s(in_order, slots)
        must.hold(
            possible_s - ROUNDING_S <= seen["seconds"] <= possible_s + TOLERANCE_S,
            f"{tasks} in {slots} slots took {seen['seconds']:.1f} s;"
            f" {possible_s:.1f} s is possible.",
        )


def _list_schedule_s(durations, slots):
    """When the last task ends if each goes to the slot that is free first."""
    free_at = [0.0] * slots
    for duration in durations:
        heapq.heappush(free_at, heapq.heappop(free_at) + duration)
    return max(free_at)


@check("S2")
def test_the_manager_sleeps_while_its_tasks_sleep(submission, draw):
    """Nothing polls: not with free slots, not with waiting tasks, not in result or join."""
    seconds, value = draw.randrange(900, 1100), draw.randrange(1000)
    for limit, waiting in ((4, 0), (1, 3)):
        run = submission.virtual(
            "one_long_sleep", limit=limit, waiting=waiting, seconds=seconds, value=value
        )
        slots = f"{limit} slot{'s' * (limit > 1)}"
        must.hold(
            run.iterations < ITERATIONS,
            f"While one task slept for {seconds} s, with {slots} and {waiting} tasks"
            f" waiting, the event loop woke up {_times(run)} times; fewer than"
            f" {ITERATIONS} are enough.",
        )
        for sleep_s, line in run.blocking_sleeps:
            must.fail(
                f"time.sleep({sleep_s:g}) in line {line} stopped the event loop and"
                " every task in it."
            )
        must.equal(run.value, value, what="result of the task that slept")
        must.be_within(
            run.elapsed_s, seconds, seconds + 1, what="seconds until join() returned"
        )


def _times(run):
    return f"more than {run.iterations - 1}" if run.stuck else run.iterations


@check("S3")
def test_a_waiting_task_is_not_an_asyncio_task(submission, draw):
    """Ten thousand tasks in the queue cost a few asyncio tasks, and all of them run."""
    limit, count, value = draw.randrange(3, 8), 10_000, draw.randrange(1000)
    seen = submission.virtual(
        "many_waiting", limit=limit, count=count, value=value
    ).value
    allowed = 2 * limit + 20
    must.hold(
        seen["most"] <= allowed,
        f"With {count} tasks submitted and {limit} slots there were {seen['most']}"
        f" asyncio tasks at once; {allowed} are enough.",
    )
    total = sum(range(count)) + count * value
    must.equal(seen["total"], total, what=f"sum of {count} results")
