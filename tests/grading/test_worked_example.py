"""The example in the authors' guide: it can be built, it grades, and it is what is printed."""

import re
from pathlib import Path

from racecourse.grading import verify
from racecourse.grading.catalogue import load_course
from racecourse.grading.run import Options

DOCS = Path(__file__).parent.parent.parent / "docs"
EXAMPLE = DOCS / "worked-example"
_LISTING = re.compile(
    r"<!-- (?P<part>docstring )?(?P<file>\S+) -->\n```python\n(?P<text>.*?)```",
    re.DOTALL,
)


def test_every_listing_is_the_file():
    """What the guide prints is what the example has."""
    listings = list(_LISTING.finditer((DOCS / "authors.md").read_text("utf-8")))
    assert len(listings) == 5
    for listing in listings:
        source = (EXAMPLE / listing["file"]).read_text("utf-8")
        if listing["part"]:
            assert source.startswith(listing["text"])
        else:
            assert listing["text"] == source


def test_it_keeps_its_promises():
    """Right solutions score everything, the starter nothing, each mutant is caught."""
    (content,) = load_course(EXAMPLE).values()
    assert verify.unproved_checks(content) == ()
    rows = verify.verify(
        list(verify.cases_of(content)),
        options=Options(seed=11),
        on_row=lambda _: None,
        again=True,
    )
    assert {row.name: row.problems for row in rows if row.problems} == {}
    assert len(rows) == 1 + 1 + 1 + 4
