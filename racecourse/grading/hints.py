"""An exercise's `hints.md`: a ladder of three rungs for each promise. Pure but for reading.

## Promise 2: the most urgent task is next

1. A question.
2. Where to look.
3. Nearly the answer.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

RUNGS = 3
_HEADING = re.compile(r"^##\s+Promise\s+(\d+)\s*:\s*(.+?)\s*$")
_ITEM = re.compile(r"^(\d+)\.(\s+)(.*)$")


class HintsFileError(ValueError):
    """A hints file that cannot be used; the text names the file, the place and the fix."""


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


def read_ladders(path: Path) -> dict[int, Ladder]:
    """Return the ladders of a hints file by promise.

    Raises:
        HintsFileError: If it cannot be read or a ladder does not have three rungs.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise HintsFileError(f"{path} cannot be read: {reason}.") from None
    return parse_ladders(text, origin=str(path))


def parse_ladders(text: str, *, origin: str) -> dict[int, Ladder]:
    """Return the ladders in the text of a hints file.

    Raises:
        HintsFileError: If a promise comes twice or does not have exactly three rungs.
    """
    ladders: dict[int, Ladder] = {}
    for draft in _drafts(text):
        where = f"{origin}: Promise {draft.promise}"
        if draft.promise in ladders:
            raise HintsFileError(f"{where} comes twice; give each promise one ladder.")
        if len(draft.rungs) != RUNGS:
            raise HintsFileError(
                f"{where} has {len(draft.rungs)} rungs; write an ordered list of {RUNGS}."
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
