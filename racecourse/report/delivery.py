"""Handing over what came of a run: the report, or the reason why there is none.

Reports go to standard output or into a file; messages go to standard error, so that a
JSON document on standard output is nothing but the document.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from racecourse.model.report import Report
from racecourse.report import document, pages, writers
from racecourse.report.failure import Blame, Failure, Refusal
from racecourse.report.feedback import View
from racecourse.report.files import replace_file
from racecourse.report.text import BLANK, Line, clean, line


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came of one exercise, and the view to show it in."""

    outcome: Report | Failure
    view: View


def say(message: str, stream: TextIO | None = None) -> None:
    """Write a message to standard error; what it quotes of a student is harmless."""
    stream = stream or sys.stderr
    rows = map(line, clean(message).splitlines())
    stream.write(writers.plain(rows, encoding=stream.encoding))
    stream.flush()


def demand_writable(output: Path) -> None:
    """Return if a report can be written there: known before anything is graded.

    Raises:
        Refusal: If it cannot.
    """
    special = output.exists() and not output.is_file()
    place = output if special else output.absolute().parent
    if output.is_dir():
        problem = "it is a folder; name a file in it"
    elif not place.exists():
        problem = f"there is no folder {place}"
    elif not os.access(place, os.W_OK):
        problem = f"{place} is read-only"
    else:
        return
    raise Refusal(f"--output {output} cannot be written: {problem}.", about_output=True)


def deliver(
    results: Sequence[Delivered],
    *,
    form: str,
    output: Path | None,
    several: bool = False,
) -> None:
    """Hand over the results.

    Args:
        results: One for each exercise.
        form: "text" or "json".
        output: The file to write; None: standard output.
        several: Whether a collection was asked for, however many it turned out to be.

    Raises:
        Refusal: If the file cannot be written; the report was printed instead.
    """
    for result in results:
        if isinstance(result.outcome, Failure):
            say(f"{result.outcome.exercise}: {result.outcome.message}")
    if form == "json":
        documents = [result.outcome.to_plain() for result in results]
        plain = {"exercises": documents} if several else documents[0]
        hand_over(writers.as_json(plain), output)
        return
    lines = list(_text(results, several=several))
    if output is not None and lines:
        hand_over(writers.plain(lines), output)
    else:
        writers.write(lines, sys.stdout)


def _text(results: Sequence[Delivered], *, several: bool) -> Iterable[Line]:
    for result in results:
        if isinstance(result.outcome, Report):
            yield from document.render(result.outcome, result.view)
            if several:
                yield BLANK
    if several:
        yield from pages.summary([result.outcome for result in results])


def hand_over(text: str, output: Path | None) -> None:
    """Print the text, or write it into the file, all of it or nothing of it.

    Raises:
        Refusal: If the file cannot be written; the text was printed instead.
    """
    if output is None:
        sys.stdout.write(text)
        return
    try:
        replace_file(output, text)
    except OSError as error:
        sys.stdout.write(text)  # the work is not lost
        raise Refusal(
            f"--output {output} cannot be written: {error.strerror}.",
            Blame.SANDBOX,
            about_output=True,
        ) from None
