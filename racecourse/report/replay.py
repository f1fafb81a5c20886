"""What `grade replay` prints: the schedule once more, or that it fails no longer. Pure."""

from collections.abc import Iterator
from typing import Any

from racecourse.model.exercise import Check, Exercise
from racecourse.model.replay_token import ReplayToken
from racecourse.model.result import CheckResult
from racecourse.model.verdict import Verdict
from racecourse.report.document import state
from racecourse.report.feedback import View, again_exactly, evidence
from racecourse.report.text import BLANK, Line, Span, Style, labelled, line, wrap

_COLUMN = 16
_CHANGED = (
    "Your file has changed since the token was written, and a schedule is one of one text"
    " only. So the search that found it was made again."
)


def render(
    exercise: Exercise, result: CheckResult, view: View, *, fits: bool
) -> Iterator[Line]:
    """Tell what came of the schedule, or of the search if the token fits no more.

    Args:
        exercise: What the token is about.
        result: How the check ended, judged by this schedule alone.
        view: Who reads; its command repeats the whole check.
        fits: Whether the submission is still the text that the token was made for.
    """
    check = exercise.check(result.check_id)
    yield line(f"{exercise.title}: {check.id}", Style.TITLE)
    yield from (line(row) for row in wrap(check.title, view.width))
    yield BLANK
    if not fits:
        yield from (line(row, Style.DOUBTFUL) for row in wrap(_CHANGED, view.width))
        yield BLANK
    yield from _outcome(check, result, view, fits=fits)
    yield BLANK
    whole = f"{view.command} --only {check.id}"
    yield from labelled(
        "The whole check", whole, width=view.width, column=18, style=Style.COMMAND
    )


def _outcome(
    check: Check, result: CheckResult, view: View, *, fits: bool
) -> Iterator[Line]:
    if result.verdict is Verdict.PASSED:
        what = (
            "This schedule no longer fails." if fits else "No schedule fails any more."
        )
        yield line(what, Style.GOOD)
        return
    word, style = state(result)
    yield (Span(word, style),)
    yield BLANK
    yield from evidence([result], view)
    if result.verdict is Verdict.FAILED:
        yield BLANK
        for label, text in (
            ("Learn", check.learning),
            ("Ask yourself", check.question),
        ):
            yield from labelled(label, text, width=view.width, column=_COLUMN)
        yield from () if fits else again_exactly(result.finding, view)


def plain(token: ReplayToken, result: CheckResult, *, fits: bool) -> dict[str, Any]:
    """The same for machines."""
    told = result.to_plain()
    return {
        "exercise": token.exercise,
        "check": token.check,
        "token": token.write(),
        "fits": fits,
        "verdict": told["verdict"],
        "cause": told["cause"],
        "message": result.finding.saw,
        "details": told["finding"]["details"],
        "stacks": told["finding"]["stacks"],
        "replay": result.finding.replay,
    }
