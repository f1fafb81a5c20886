"""Speedup: how soon a worker is there, and what idle workers and many tasks cost."""

from racecourse.checks import Hung, check, must

_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_STARTS = 20
_AT_ONCE_S = 0.25
_IDLE_S = 0.6
_MANY = 10_000
_MANY_WITHIN_S = 15.0


@check("S1")
def test_a_second_task_starts_while_the_first_blocks(submission):
    """Twenty pools; on average a start takes far less than any monitor's round."""
    enough_s = _STARTS * _AT_ONCE_S
    took = submission.call("second_starts", times=_STARTS, enough_s=enough_s)
    must.hold(
        sum(took) <= enough_s and len(took) == _STARTS,
        "While the first task of a pool blocked, the second one took"
        f" {sum(took) / len(took):.3f} s on average to start, in {len(took)} pools with"
        f" max_workers=2; at most {_AT_ONCE_S:g} s were expected.",
    )


@check("S2")
def test_an_idle_pool_costs_nothing_and_is_awake_at_once(submission):
    """Less than 25 % CPU with three idle workers, and a task starts at once."""
    pending = submission.begin("idle_pool", workers=3, times=5)
    stage = submission.stage
    stage.until(lambda s: s.count("told"), within_s=_READY_WITHIN_S)
    submission.settle(within_s=_SETTLED_WITHIN_S)  # what spins never settles
    share = submission.cpu_share(over_s=_IDLE_S)
    stage.open("more")
    usual, longest = pending.result()
    must.hold(
        share < 0.25,
        f"While three workers were idle, the pool used {share:.0%} of the CPU time that"
        " a busy loop gets; less than 25% was expected.",
    )
    must.hold(
        usual <= _AT_ONCE_S and longest <= _AT_ONCE_S + 1,
        f"In an idle pool, five tasks took {usual:.3f} s to start (the median), and at"
        f" most {longest:.3f} s; {_AT_ONCE_S:g} s were expected.",
    )


@check("S3")
def test_ten_thousand_tasks_are_done_in_time(submission):
    """All of them wait at once; what each costs must not depend on their number."""
    pending = submission.begin("no_ops", count=_MANY)
    try:
        done = pending.result(within_s=_MANY_WITHIN_S)
    except Hung:
        must.fail(
            f"{_MANY} tasks that do nothing had not all run within"
            f" {_MANY_WITHIN_S:g} s."
        )
    must.equal(done, _MANY, what="tasks that ran")
