"""The story of a failing execution, as a student reads it.

One column per task, one row per stretch of a task in a line: the line's number, its
code, and the values that were read and written there. What nobody else could
notice is left out.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from racecourse.engine.failures import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racecourse.engine.failures import Failure, Waiting
    from racecourse.engine.sites import Place
    from racecourse.engine.trace import Event, Trace


_ROWS_MAX = 40
_INDENT = " " * 6
_COLUMN_MIN = 24
_COLUMN_MAX = 44
_WIDTH_MAX = 100
_COLUMNS_MAX = 3
"""More tasks than this are told below one another, not side by side."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one task did in one line, without another task in between."""

    task: str
    place: Place
    code: str
    actions: tuple[str, ...]


def tell_rows(trace: Trace, lines: Mapping[str, Sequence[str]]) -> tuple[Row, ...]:
    """Return the rows of a trace that matter, in the order in which they happened.

    If there are more than some forty, those in the middle are left out: the start
    shows who is who, and the end shows what went wrong.
    """
    rows = [
        _row(tuple(group), lines)
        for _, group in itertools.groupby(
            (event for event in trace.events if event.shared),
            key=lambda event: (event.task, event.place),
        )
    ]
    return tuple(rows)


def _row(events: Sequence[Event], lines: Mapping[str, Sequence[str]]) -> Row:
    first = events[0]
    return Row(
        task=first.task,
        place=first.place,
        code=code_at(first.place, lines),
        actions=tuple(dict.fromkeys(event.action for event in events)),
    )


def code_at(place: Place, lines: Mapping[str, Sequence[str]]) -> str:
    """Return the line of code at a place, without its indentation."""
    text = lines.get(place.path, ())
    if 0 < place.line <= len(text):
        return text[place.line - 1].strip()
    return ""


def explain(trace: Trace, lines: Mapping[str, Sequence[str]]) -> str:
    """Return the whole explanation of a failing execution as text."""
    if trace.failure is None:
        return "Nothing went wrong."
    parts = [headline(trace.failure), ""]
    rows = tell_rows(trace, lines)
    acting = {row.task for row in rows}
    tasks = [task for task in trace.tasks if task in acting]
    paths = {row.place.path for row in rows}
    named = len(paths) > 1
    if len(tasks) <= _COLUMNS_MAX:
        parts.extend(_columns(rows, tasks, named=named))
    else:
        parts.extend(_list(rows, named=named))
    if trace.waiting:
        parts.append("")
        parts.extend(_who_waits(waiting) for waiting in trace.waiting)
    return "\n".join(parts)


def headline(failure: Failure) -> str:
    """Return what went wrong, in one sentence."""
    match failure.kind:
        case Kind.ASSERTION:
            said = f": {failure.message}" if failure.message else "."
            return f"An assertion of the program did not hold{said}"
        case Kind.EXCEPTION:
            return f"{failure.error} was raised and not caught: {failure.message}"
        case Kind.DEADLOCK:
            return "Deadlock: every task waits, and nobody is left to wake them."
        case Kind.LIVELOCK:
            return "No end: every task had many turns, and the program still ran."


def _columns(rows: Sequence[Row], tasks: list[str], *, named: bool) -> Iterable[str]:
    """Lay the rows out in one column per task."""
    cells = [
        [_head(row, named=named), *(_INDENT + action for action in row.actions)]
        for row in rows
    ]
    widest = max((len(text) for cell in cells for text in cell), default=0)
    width = max(widest + 2, _COLUMN_MIN)
    width = min(width, _COLUMN_MAX, _WIDTH_MAX // max(1, len(tasks)))
    yield "".join(task.ljust(width) for task in tasks).rstrip()
    yield "".join(("-" * len(task)).ljust(width) for task in tasks).rstrip()
    for index, (row, cell) in enumerate(zip(rows, cells, strict=True)):
        if _is_left_out(index, len(rows)):
            if index == _ROWS_MAX // 2:
                yield f"... {len(rows) - _ROWS_MAX} more lines ..."
            continue
        indent = " " * (width * tasks.index(row.task))
        yield indent + _fit(cell[0], width)
        for action in cell[1:]:
            yield indent + _fit(action, width)


def _list(rows: Sequence[Row], *, named: bool) -> Iterable[str]:
    """Write the rows below one another, each with its task."""
    width = max(len(row.task) for row in rows)
    for index, row in enumerate(rows):
        if _is_left_out(index, len(rows)):
            if index == _ROWS_MAX // 2:
                yield f"... {len(rows) - _ROWS_MAX} more lines ..."
            continue
        actions = ", ".join(row.actions)
        yield f"{row.task.ljust(width)}  {_head(row, named=named)}  ({actions})"


def _is_left_out(index: int, count: int) -> bool:
    half = _ROWS_MAX // 2
    return half <= index < count - half


def _head(row: Row, *, named: bool) -> str:
    file = row.place.path.replace("\\", "/").rpartition("/")[2]
    where = f"{file}:{row.place.line}" if named else f"{row.place.line:4}"
    return f"{where}  {row.code}"


def _fit(text: str, width: int) -> str:
    room = width - 2
    return text if len(text) <= room else text[: room - 1] + "…"


def _who_waits(waiting: Waiting) -> str:
    where = "" if waiting.place is None else f" in line {waiting.place.line}"
    text = f"{waiting.task} waits{where} for {waiting.waits_for}"
    if waiting.held_by and waiting.held_since is not None:
        text += f", held by {waiting.held_by} since line {waiting.held_since.line}"
    return text + "."
