"""Speed: the lock is for the table, not for the call."""

from racecourse.checks import check, must


@check("S1")
def test_different_keys_overlap(submission):
    """Three calls for three keys meet on the stage while all are under way."""
    submission.call("three_keys")
    met = submission.stage.count("calls", "met")
    must.hold(
        met == 3,
        f"Three threads called do() with three keys; {met} of 3 calls were under way at"
        " the same time.",
    )
