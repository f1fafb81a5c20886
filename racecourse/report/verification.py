"""What `grade verify` prints: a row for each case, then what the whole course proves."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from racecourse.model.verification import Row
from racecourse.report.text import BLANK, Line, Span, Style, line, wrap


def row(each: Row, width: int = 88) -> Iterator[Line]:
    """One case, and below it each of its problems."""
    good = not each.problems
    yield (
        Span("  as due  " if good else "  WRONG   ", Style.GOOD if good else Style.BAD),
        Span(f"{each.exercise:5} {each.name:44.44} {each.seconds:5.1f} s  "),
        Span(" ".join(each.failed), Style.FAINT),
    )
    for problem in each.problems:
        for part in wrap(problem, width - 10):
            yield line(f"{'':10}{part}")


def summary(
    rows: Sequence[Row], unproved: Iterable[tuple[str, str]], seconds: float
) -> Iterator[Line]:
    """What was caught, what was accepted, what is wrong."""
    kinds = Counter(each.kind for each in rows)
    right = Counter(each.kind for each in rows if not each.problems)
    yield BLANK
    for kind in ("reference", "alternative", "starter", "mutant"):
        if kinds[kind]:
            verb = {"starter": "empty-handed", "mutant": "caught"}.get(kind, "accepted")
            yield line(f"  {kind + 's':14} {right[kind]} of {kinds[kind]} {verb}")
    for exercise, check_id in unproved:
        yield line(f"  {exercise} {check_id} is proved by no mutant", Style.BAD)
    yield line(f"  {seconds:.0f} s", Style.FAINT)


def plain(rows: Sequence[Row], unproved: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "rows": [
            {
                "exercise": each.exercise,
                "case": each.name,
                "kind": each.kind,
                "failed": list(each.failed),
                "problems": list(each.problems),
                "seconds": round(each.seconds, 2),
            }
            for each in rows
        ],
        "unproved": [list(pair) for pair in unproved],
    }
