"""Lines of styled text: what a report is before anybody decides how to show it."""

import enum
import re
import textwrap
from dataclasses import dataclass


class Style(enum.Enum):
    """What a piece of text is; each writer decides what that looks like."""

    PLAIN = "plain"
    TITLE = "title"
    GOOD = "good"
    BAD = "bad"
    DOUBTFUL = "doubtful"  # nobody's fault: not measurable, not reached, ours
    FAINT = "faint"
    CODE = "code"  # the student's own lines and output
    COMMAND = "command"  # something to type


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line. The two fields read best by position."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Span, ...]
BLANK: Line = ()

# Control characters and marks that change the direction or the end of a line: a report
# shows them instead of obeying them.
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
# What CI systems read as a command to themselves, wherever it stands after blanks.
_CI_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\w*\[)")
# Typography on the left, what plain ASCII writes for it on the right.
_PLAIN_TYPOGRAPHY = str.maketrans(
    dict(
        pair.split()
        for pair in (
            *("\u2018 '", "\u2019 '", '\u201c "', '\u201d "', "\u2026 ..."),
            *("\u2013 -", "\u2014 -", "\u2212 -", "\u00d7 x", "\u2022 *"),
            *("\u2264 <=", "\u2265 >=", "\u2192 ->", "\u2190 <-"),
        )
    )
)


def line(text: str = "", style: Style = Style.PLAIN) -> Line:
    """Return a line in one style."""
    return (Span(text, style),) if text else BLANK


def clean(text: str) -> str:
    r"""Return text that cannot steer a terminal; line ends are kept, all else is shown.

    Control characters (C0, C1 and so every escape sequence), lone surrogates and marks
    of direction are spelled out, as Python's `repr` does.
    """
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return _UNSAFE.sub(_as_escape, text)


def _as_escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def defuse(text: str) -> str:
    """Return one finished line such that no CI system takes it for a command."""
    return _CI_COMMAND.sub(r"\g<0> ", text)


def fit(text: str, encoding: str) -> str:
    """Return text that the encoding can carry, with plain typography if it is not UTF-8."""
    if encoding.lower().replace("-", "").replace("_", "") == "utf8":
        return text
    plain = text.translate(_PLAIN_TYPOGRAPHY)
    return plain.encode(encoding, "backslashreplace").decode(encoding)


def wrap(text: str, width: int) -> list[str]:
    """Return cleaned text in lines of at most `width`; its own line ends are kept."""
    return [
        part
        for row in clean(text).splitlines()
        for part in textwrap.wrap(row, max(20, width)) or [""]
    ]


def labelled(
    label: str, text: str, *, width: int, column: int, style: Style = Style.PLAIN
) -> list[Line]:
    """Return wrapped text with a label before its first line and nothing below it."""
    rows = wrap(text, width - column) if style is Style.PLAIN else [clean(text)]
    labels = [label, *[""] * len(rows)]
    return [
        (Span(f"  {label:<{column - 2}}", Style.FAINT), Span(row, style))
        for label, row in zip(labels, rows, strict=False)
    ]


def ranged(
    head: Line, text: str, right: str, *, width: int, style: Style = Style.PLAIN
) -> list[Line]:
    """Return text between a head and something at the right edge.

    A text that is too long goes on below itself, and leaves the right edge free.
    """
    indent = sum(len(span.text) for span in head)
    rows = wrap(text, width - indent - len(right) - 2) or [""]
    gap = " " * max(2, width - indent - len(rows[0]) - len(right))
    first = (*head, Span(rows[0], style), Span(gap + right))
    return [first, *((Span(" " * indent), Span(row, style)) for row in rows[1:])]
