"""A chain of checks that need one another, in the lanes that judge them."""

import itertools
from collections.abc import Callable

from tests.conftest import Course, Probe


def test_what_needs_an_unreached_check_is_not_reached_either(
    make_course: Callable[..., Course],
):
    ids = ["C1", "C2", "C3", "C4"]
    probes = [Probe(id="C1")]
    probes += [
        Probe(id=each, options=f'needs = ["{needed}"]')
        for needed, each in itertools.pairwise(ids)
    ]
    report = make_course(*probes, submission="def c1():\n    return 41").grade()
    causes = [check["cause"] for check in report["checks"]]
    assert causes == ["wrong-result", "not-reached", "not-reached", "not-reached"]
