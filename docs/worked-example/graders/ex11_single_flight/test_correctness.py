"""Correctness: every caller gets the answer to its own question."""

from racecourse.checks import check, must


@check("C1")
def test_each_key_has_its_own_answer(submission, draw):
    """One caller after the other; a second call for a key is a new call."""
    questions = [[key, draw.randrange(1000)] for key in "abca"]
    seen = submission.call("one_after_the_other", questions=questions)
    must.equal(seen, [answer for _, answer in questions], what="values of do()")
