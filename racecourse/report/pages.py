"""The smaller things that `grade` says, as lines: lists, hints, summaries. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from racecourse.model.exercise import Exercise
from racecourse.model.report import Report
from racecourse.report.failure import Failure
from racecourse.report.feedback import points
from racecourse.report.text import BLANK, Line, Span, Style, clean, line, wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One exercise in a list, with the best score so far; None: not graded yet."""

    exercise: Exercise
    best: float | None


def exercise_list(entries: Iterable[Entry]) -> Iterator[Line]:
    """Yield a line for each exercise, with the best score."""
    for entry in entries:
        exercise = entry.exercise
        if entry.best is None:
            reached, style = "not graded yet", Style.FAINT
        else:
            reached = f"best {points(entry.best, exercise.max_score)}"
            full = entry.best >= exercise.max_score
            style = Style.GOOD if full else Style.PLAIN
        yield (
            Span(f"{exercise.id:<6}", Style.TITLE),
            Span(f"{clean(exercise.title):<44}"),
            Span(reached, style),
        )
        yield line(f"      {clean(exercise.summary)}", Style.FAINT)


def made(
    folder: str, first: Exercise, *, written: Iterable[Path], kept: Iterable[Path]
) -> Iterator[Line]:
    """Yield what `grade init` wrote and left alone, and where to begin."""
    yield from (line(f"wrote {path}") for path in written)
    yield from (line(f"kept  {path} (it was there)", Style.FAINT) for path in kept)
    yield BLANK
    yield line(f"Your workspace is {clean(folder)}. Begin with")
    yield line(f"  grade show {first.id}", Style.COMMAND)
    yield line(f"and write your solution into {first.slug}/solution.py. Then")
    yield line(f"  grade {first.id}", Style.COMMAND)


def hints(
    promise: int, title: str, rungs: Sequence[str], *, seen: int, width: int
) -> Iterator[Line]:
    """Yield the hints seen so far, the newest last."""
    yield line(f"Promise {promise}: {clean(title)}", Style.TITLE)
    for number, rung in enumerate(rungs[:seen], start=1):
        style = Style.PLAIN if number == seen else Style.FAINT
        yield BLANK
        yield line(f"Hint {number} of {len(rungs)}", Style.TITLE)
        yield from _markdown(rung, width, style)


def _markdown(text: str, width: int, style: Style) -> Iterator[Line]:
    """Yield text as its author broke it; only lines that are too long are wrapped."""
    for row in clean(text).splitlines():
        fits = len(row) + 2 <= width or row.startswith(" ")
        for part in [row] if fits else wrap(row, width - 2):
            yield line(f"  {part}", style)


def summary(outcomes: Sequence[Report | Failure]) -> Iterator[Line]:
    """Yield one line for each exercise of `grade all`."""
    yield line("All exercises", Style.TITLE)
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            yield (Span(f"  {outcome.exercise:<6}"), Span("not graded", Style.BAD))
            continue
        full = outcome.score >= outcome.max_score
        yield (
            Span(f"  {outcome.exercise.id:<6}"),
            Span(
                f"{points(outcome.score, outcome.max_score)} points",
                Style.GOOD if full else Style.PLAIN,
            ),
        )


def facts(rows: Iterable[tuple[str, str, str]], width: int) -> Iterator[Line]:
    """Yield what is known about something: a name, a value, and what follows from it."""
    for name, value, meaning in rows:
        yield (Span(f"{name:<15}", Style.TITLE), Span(clean(value)))
        for row in wrap(meaning, width - 15):
            yield line(f"{'':<15}{row}", Style.FAINT)
