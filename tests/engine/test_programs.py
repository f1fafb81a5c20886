"""Every program of the corpus is decided rightly, with the default budget."""

from __future__ import annotations

import pytest
from corpus import Case, cases

from racecourse.engine import Verdict, explore_file


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_mistake_is_found_and_its_twin_is_not_accused(case: Case):
    buggy = explore_file(case.path, "buggy")
    correct = explore_file(case.path, "correct")
    assert correct.verdict is Verdict.NOTHING_FOUND, correct
    if not case.hard:
        assert buggy.verdict is Verdict.FAILED, buggy.statement
        assert buggy.failure is not None
        assert buggy.failure.kind.value == case.kind


def test_the_corpus_is_as_large_as_promised():
    assert len(cases()) >= 60
