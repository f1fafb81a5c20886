"""What `grade explore` prints: the shortest failing schedule, or what was tried. Pure."""

from collections.abc import Iterator
from typing import Any

from racecourse.engine import Report
from racecourse.report.text import BLANK, Line, Span, Style, clean, line


def render(report: Report) -> Iterator[Line]:
    """The story of the failure, what may be claimed, and how to see it again."""
    if report.explanation:
        yield from (line(row) for row in clean(report.explanation).splitlines())
        yield BLANK
    yield line(clean(report.statement), Style.BAD if report.failed else Style.GOOD)
    for race in () if report.failed else report.races:
        yield line(clean(f"A hint, not proof: {race}."), Style.DOUBTFUL)
    for each in report.not_under_control:
        yield line(clean(each), Style.DOUBTFUL)
    if report.token:
        yield BLANK
        command = f"grade explore --replay {report.token}"
        yield (Span("See it again  ", Style.FAINT), Span(command, Style.COMMAND))


def plain(report: Report) -> dict[str, Any]:
    """The same for machines."""
    return {
        "verdict": report.verdict.value,
        "runs": report.runs,
        "statement": report.statement,
        "explanation": report.explanation,
        "token": report.token,
        "stage": report.stage,
        "races": [str(race) for race in report.races],
        "not_under_control": list(report.not_under_control),
    }
