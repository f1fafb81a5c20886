"""A whole report as lines: heading, the checks by category, feedback, footer. Pure."""

from collections.abc import Iterator

from racecourse.model.report import Machine, Report, ScoredCheck
from racecourse.model.result import CheckResult
from racecourse.model.verdict import Category, Cause, Verdict
from racecourse.report.feedback import View, feedback, points
from racecourse.report.text import (
    BLANK,
    Line,
    Span,
    Style,
    clean,
    labelled,
    line,
    ranged,
)

_COLUMN = 12
_STATE_WIDTH = len("not measurable")

PRACTICE = "These points are for you, not for a mark."
WEAK = (
    "Graded in a sandbox that does not hold back every attack; --accept-weak was given."
)


def render(report: Report, view: View) -> tuple[Line, ...]:
    """Return the report as lines, for any writer."""
    return tuple(_document(report, view))


def _document(report: Report, view: View) -> Iterator[Line]:
    number = report.exercise.id.removeprefix("ex")
    yield line(f"Exercise {number}: {clean(report.exercise.title)}", Style.TITLE)
    yield line(clean(report.submission), Style.FAINT)
    for category in Category:
        yield from _category(report, category, view)
    yield from feedback(report, view)
    yield BLANK
    yield from _footer(report, view)


def _category(report: Report, category: Category, view: View) -> Iterator[Line]:
    mine = [scored for scored in report.checks if scored.check.category is category]
    if not mine:
        return
    earned = sum(scored.points for scored in mine)
    possible = sum(scored.max_points for scored in mine)
    yield BLANK
    worth = points(earned, possible)
    yield from ranged((), category.value, worth, width=view.width, style=Style.TITLE)
    for scored in mine:
        yield from _check_row(scored, view.width)


def _check_row(scored: ScoredCheck, width: int) -> list[Line]:
    word, style = state(scored.result)
    head = (
        Span(f"  {word:<{_STATE_WIDTH}}", style),
        Span(f"  {scored.check.id:<4}"),
    )
    worth = points(scored.points, scored.max_points)
    return ranged(head, scored.check.title, worth, width=width)


def state(result: CheckResult) -> tuple[str, Style]:
    """Return how a check ended in a word or two, and the style of it."""
    match result.verdict:
        case Verdict.PASSED:
            return "passed", Style.GOOD
        case Verdict.FAILED if result.cause is Cause.NOT_REACHED:
            return "not reached", Style.FAINT
        case Verdict.FAILED:
            return "FAILED", Style.BAD
        case Verdict.NOT_MEASURABLE:
            return "not measurable", Style.DOUBTFUL
        case Verdict.GRADER_ERROR:
            return "GRADER ERROR", Style.DOUBTFUL


def _footer(report: Report, view: View) -> Iterator[Line]:
    total = f"{points(report.score, report.max_score)} points"
    if report.interrupted:
        judged = len(report.checks)
        total += f" so far: you stopped it when {judged} checks had been judged"
    yield from _labelled("Score", total, view)
    yield from _labelled("Seed", str(report.seed), view)
    yield from _labelled("Machine", describe(report.machine), view)
    if not report.official:
        yield from _labelled("Practice", PRACTICE, view)
    elif report.weak:
        yield from _labelled("Weak", WEAK, view)


def _labelled(label: str, text: str, view: View) -> list[Line]:
    return labelled(label, text, width=view.width, column=_COLUMN)


def describe(machine: Machine) -> str:
    """Return the machine in one line."""
    cores = f"{machine.cores} core{'s' * (machine.cores != 1)}"
    if machine.cpu_quota is not None:
        cores += f" (quota {machine.cpu_quota:g})"
    gil = "with GIL" if machine.gil else "free-threaded"
    python = f"Python {machine.python} {gil}"
    return f"{python}, {machine.platform}, {cores}, sandbox {machine.sandbox}"
