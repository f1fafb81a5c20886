"""What `grade verify --stability` prints: a row for each series. Pure."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from racecourse.model.stability import Series
from racecourse.report.text import Line, Span, Style, line, wrap


def row(each: Series, width: int = 88) -> Iterator[Line]:
    """One series, and below it what came out differently."""
    style = Style.GOOD if each.stable else Style.BAD
    yield (
        Span(f"  {each.alike:>4} of {each.runs:<4}", style),
        Span(
            f"{each.exercise:5} {each.name:38.38} {each.load:9} {each.usual:.40}"
            f"  {each.median_s:.1f} s, worst {each.worst_s:.1f} s"
        ),
    )
    for verdicts, times in each.others:
        for part in wrap(f"{times}x {verdicts}", width - 10):
            yield line(f"{'':10}{part}")


def plain(series: Sequence[Series]) -> dict[str, Any]:
    """The same for machines."""
    return {"series": [dataclasses.asdict(each) for each in series]}
