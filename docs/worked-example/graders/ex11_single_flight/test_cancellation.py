"""Endings: a call that raises is over, for everybody."""

from racecourse.checks import check, must


@check("X1")
def test_a_failed_call_is_over(submission, draw):
    """A caller joins a call that raises; then the key is asked for once more."""
    text, answer = f"line {draw.randrange(1000)}", draw.randrange(1000)
    with submission.leaving_nothing():
        pending = submission.begin("a_call_that_fails", text=text, answer=answer)
        submission.stage.until(lambda s: s.waiting("fail"), within_s=5)
        submission.settle(within_s=1)
        submission.stage.open("fail")
        seen = pending.result(within_s=5)
    must.equal(seen["both"], [text, text], what="texts of the exceptions")
    must.equal(seen["then"], answer, what="value of the next call for that key")
