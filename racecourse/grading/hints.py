"""An exercise's `hints.md`: a ladder of three rungs for each promise. Pure but for reading.

## Promise 2: the most urgent task is next

1. A question.
2. Where to look.
3. Nearly the answer.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from racecourse.report.failure import Blame, Refusal

RUNGS = 3
_HEADING = re.compile(r"^##\s+Promise\s+(\d+)\s*:\s*(.+?)\s*$")
_ITEM = re.compile(r"^(\d+)\.(\s+)(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The hints for one promise, from a question to nearly the answer."""

    promise: int
    title: str
    rungs: tuple[str, ...]  # Markdown, three of them


@dataclass
class _Draft:
    promise: int
    title: str
    rungs: list[list[str]] = field(default_factory=list)
    indent: int = 0


def ladder_of(promise: int, path: Path) -> Ladder:
    """Return the ladder of one promise from an exercise's hints file.

    Raises:
        Refusal: If the file cannot be read, is malformed or has no such ladder.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Refusal(f"{path} cannot be read: {reason}.", Blame.GRADER) from None
    ladders = parse_ladders(text, origin=str(path))
    if promise not in ladders:
        raise Refusal(f"{path} has no hints for promise {promise}.", Blame.GRADER)
    return ladders[promise]


def parse_ladders(text: str, *, origin: str) -> dict[int, Ladder]:
    """Return the ladders in the text of a hints file.

    Raises:
        Refusal: If a promise comes twice or does not have exactly three rungs.
    """
    ladders: dict[int, Ladder] = {}
    for draft in _drafts(text):
        where = f"{origin}: Promise {draft.promise}"
        if draft.promise in ladders:
            raise Refusal(
                f"{where} comes twice; give each promise one ladder.", Blame.GRADER
            )
        if len(draft.rungs) != RUNGS:
            raise Refusal(
                f"{where} has {len(draft.rungs)} rungs; write an ordered list of"
                f" {RUNGS}.",
                Blame.GRADER,
            )
        rungs = tuple("\n".join(rows).strip() for rows in draft.rungs)
        ladders[draft.promise] = Ladder(
            promise=draft.promise, title=draft.title, rungs=rungs
        )
    return ladders


def _drafts(text: str) -> list[_Draft]:
    drafts: list[_Draft] = []
    current: _Draft | None = None
    for row in text.splitlines():
        if heading := _HEADING.match(row):
            current = _Draft(promise=int(heading[1]), title=heading[2])
            drafts.append(current)
        elif row.startswith("#"):
            current = None  # another section
        elif current is not None and (item := _ITEM.match(row)):
            current.rungs.append([item[3]])
            current.indent = len(item[1]) + 1 + len(item[2])
        elif current is not None and current.rungs:
            lead = row[: current.indent]
            current.rungs[-1].append(row[current.indent :] if not lead.strip() else row)
    return drafts
