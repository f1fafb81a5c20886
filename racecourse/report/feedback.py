"""From the failed checks of a report to what a student reads about them. Pure.

The order inside a block is fixed: the promise, what was seen, where, what to learn, one
question, and the commands that go on from here. A failure that many checks share is
said once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from racecourse.model.report import Report, ScoredCheck
from racecourse.model.result import CheckResult, Finding, Stack
from racecourse.model.verdict import Cause, Verdict
from racecourse.report.text import (
    BLANK,
    Line,
    Span,
    Style,
    clean,
    labelled,
    line,
    ranged,
    wrap,
)

_SHARED_BY = 3  # as many checks with one failure make one block
_SHOWN_OUTPUT = 8
_SHOWN_SEEN = 12
_COLUMN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Who reads: how wide the page is, and the command that started the run."""

    command: str  # with the exercise and the path: `grade ex3 mine.py`
    hint: str  # with the exercise: `grade hint ex3`
    path: str = ""  # of the submission, if one was given
    tail: str = ""  # options that every command needs again, such as --course
    width: int = 88


def points(earned: float, possible: float) -> str:
    """Return points as `6 of 6`."""
    return f"{_number(earned)} of {_number(possible)}"


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def feedback(report: Report, view: View) -> Iterator[Line]:
    """Yield a block for each failure, and one line for what could not be judged."""
    failed = [s for s in report.checks if _is_failure(s.result)]
    for group in _by_failure(failed):
        yield BLANK
        if len(group) >= _SHARED_BY:
            yield from _shared(group, view)
        else:
            for scored in group:
                yield from _block(report, scored, view)
    yield from _unjudged(report, view)


def _is_failure(result: CheckResult) -> bool:
    return result.verdict is Verdict.FAILED and result.cause is not Cause.NOT_REACHED


def _by_failure(failed: Iterable[ScoredCheck]) -> list[list[ScoredCheck]]:
    """Group the checks that failed alike, if they are many; the others stay alone."""
    groups: dict[object, list[ScoredCheck]] = {}
    for scored in failed:
        finding = scored.result.finding
        alike = (scored.result.cause, finding.saw, finding.stacks, finding.replay)
        groups.setdefault(alike, []).append(scored)
    split = [
        part
        for group in groups.values()
        for part in ([group] if len(group) >= _SHARED_BY else [[one] for one in group])
    ]
    # In the order of the report again, by the first check of each group.
    position = {id(scored): n for n, scored in enumerate(failed)}
    return sorted(split, key=lambda group: position[id(group[0])])


def _shared(group: Sequence[ScoredCheck], view: View) -> Iterator[Line]:
    ids = ", ".join(scored.check.id for scored in group)
    lost = sum(scored.max_points for scored in group)
    yield from _headline("", f"{len(group)} checks alike", points(0, lost), view)
    yield from (line(f"  {row}", Style.FAINT) for row in wrap(ids, view.width - 2))
    yield BLANK
    yield from evidence([scored.result for scored in group], view)
    yield BLANK
    yield from _labelled("Once mended", view.command, view, Style.COMMAND)


def _block(report: Report, scored: ScoredCheck, view: View) -> Iterator[Line]:
    check, cause = scored.check, scored.result.cause
    worth = points(scored.points, scored.max_points)
    yield from _headline(f"{check.id}  ", check.title, worth, view)
    yield BLANK
    promise = report.exercise.promise_of(check)
    yield from _labelled(f"Promise {promise.id}", promise.text, view)
    yield from _labelled("Cause", _words(cause), view) if cause else ()
    yield BLANK
    yield from evidence([scored.result], view)
    yield BLANK
    yield from _labelled("Learn", check.learning, view)
    yield from _labelled("Ask yourself", check.question, view)
    again = f"{view.command} --only {check.id} --seed {report.seed}"
    yield from _labelled("See it again", again, view, Style.COMMAND)
    yield from _labelled(
        "Stuck?", f"{view.hint} {check.id} {view.tail}".rstrip(), view, Style.COMMAND
    )
    yield from again_exactly(scored.result.finding, view)


def again_exactly(finding: Finding, view: View) -> Iterator[Line]:
    """Yield the command that repeats the very schedule, if what was seen has one."""
    if finding.replay:
        words = ("grade replay", clean(finding.replay), view.path, view.tail)
        yield line("  Repeat exactly this schedule:", Style.FAINT)
        yield line(f"    {' '.join(filter(None, words))}", Style.COMMAND)


def _words(cause: Cause) -> str:
    return cause.value.replace("-", " ")


def _headline(check_id: str, title: str, worth: str, view: View) -> list[Line]:
    head = (Span("FAILED", Style.BAD), Span(f"  {check_id}", Style.TITLE))
    right = f"{worth} points"
    return ranged(head, title, right, width=view.width, style=Style.TITLE)


def _labelled(
    label: str, text: str, view: View, style: Style = Style.PLAIN
) -> list[Line]:
    return labelled(label, text, width=view.width, column=_COLUMN, style=style)


def evidence(group: Sequence[CheckResult], view: View) -> Iterator[Line]:
    """Yield what was seen, and where; of many results alike, every place once."""
    finding = group[0].finding
    yield from _clipped(wrap(finding.saw, view.width - 2), _SHOWN_SEEN, "  ")
    places = dict.fromkeys(row for each in group for row in each.finding.details)
    if places:
        yield BLANK
        yield from (
            line(f"    {part}", Style.CODE)
            for row in places
            for part in clean(row).split("\n")
        )
    yield from _stacks(finding.stacks)
    yield from _printed(group[0].output)


def _stacks(stacks: Sequence[Stack]) -> Iterator[Line]:
    """Yield each place with every thread that stood there."""
    by_place: dict[object, list[Stack]] = {}
    for stack in stacks:
        by_place.setdefault(stack.lines, []).append(stack)
    for together in by_place.values():
        yield BLANK
        yield from (line(f"    {clean(stack.name)}") for stack in together)
        places = [(f"{at.file}:{at.line}", at) for at in together[0].lines]
        wide = max(len(place) for place, _ in places)
        for place, at in places:
            text = f"      {place:<{wide}}  in {at.function}   {at.code}"
            yield line(clean(text), Style.CODE)


def _printed(output: str) -> Iterator[Line]:
    rows = clean(output).rstrip().splitlines()
    if rows:
        yield BLANK
        yield line("  It printed:", Style.FAINT)
        yield from _clipped(rows, _SHOWN_OUTPUT, "  | ", Style.CODE)


def _clipped(
    rows: Sequence[str], shown: int, indent: str, style: Style = Style.PLAIN
) -> Iterator[Line]:
    yield from (line(f"{indent}{row}", style) for row in rows[:shown])
    if len(rows) > shown:
        yield line(f"{indent}... and {len(rows) - shown} more lines", Style.FAINT)


def _unjudged(report: Report, view: View) -> Iterator[Line]:
    """Yield one short line for each reason why checks say nothing about the code."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for scored in report.checks:
        result = scored.result
        if result.verdict in {Verdict.PASSED, Verdict.FAILED} and (
            result.cause is not Cause.NOT_REACHED
        ):
            continue
        key = (_state(result), result.finding.saw)
        reasons.setdefault(key, []).append(scored.check.id)
    for (state, saw), ids in reasons.items():
        yield BLANK
        yield (
            Span(f"{state}  ", Style.DOUBTFUL),
            Span(", ".join(ids), Style.TITLE),
        )
        yield from (line(f"  {row}") for row in wrap(saw, view.width - 2))


def _state(result: CheckResult) -> str:
    if result.verdict is Verdict.FAILED:
        return "NOT REACHED"
    word: str = result.verdict.value
    return word.replace("-", " ").upper()
