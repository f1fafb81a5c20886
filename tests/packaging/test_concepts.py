"""The concept map names every promise of every exercise, and no other."""

import re
from pathlib import Path

from racecourse.grading.catalogue import load_course

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_every_promise_is_on_the_map():
    text = (DOCS / "concepts.md").read_text("utf-8")
    rows = "\n".join(row for row in text.splitlines() if row.startswith("|"))
    named = set(re.findall(r"\bex\d+\.\d+\b", rows))
    promised = {
        f"{content.exercise.id}.{promise.id}"
        for content in load_course().values()
        for promise in content.exercise.promises
    }
    assert named == promised
