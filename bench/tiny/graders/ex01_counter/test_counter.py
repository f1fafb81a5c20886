"""Four checks of a counter, as small as a grader can be."""

from racecourse.checks import check, must


@check("C1")
def test_it_starts_at_zero(submission):
    must.equal(submission.call("fresh_value"), 0, what="value of a new counter")


@check("C2")
def test_it_counts(submission, draw):
    adds = [draw.randrange(1, 100) for _ in range(20)]
    must.equal(submission.call("after", adds=adds), sum(adds), what="value")


@check("R1")
def test_no_increment_is_lost(submission):
    seen = submission.call("from_threads", threads=8, adds=500)
    must.equal(seen, 4000, what="8 threads added 500 each; value")


@check("S1")
def test_many_threads_end(submission):
    seen = submission.call("from_threads", threads=32, adds=50)
    must.equal(seen, 1600, what="32 threads added 50 each; value")
