"""Putting lines onto a stream: as plain text, or in colour on a terminal.

rich is imported only for a terminal: piped output must not pay for it.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from racecourse.report.text import Line, Style, defuse, fit, line

DEFAULT_WIDTH = 88
_NARROWEST, _WIDEST = 60, 100
_LOOK = {
    Style.PLAIN: "",
    Style.TITLE: "bold",
    Style.GOOD: "green",
    Style.BAD: "bold red",
    Style.DOUBTFUL: "yellow",
    Style.FAINT: "dim",
    Style.CODE: "cyan",
    Style.COMMAND: "bold",
}


def wants_colour(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether colours are welcome: a terminal that can, and no NO_COLOR."""
    return (
        stream.isatty()
        and not environment.get("NO_COLOR")
        and environment.get("TERM", "dumb") != "dumb"
    )


def width_of(stream: TextIO) -> int:
    """Return the width to write for: the terminal's within reason, else 88."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return DEFAULT_WIDTH
    return min(_WIDEST, max(_NARROWEST, columns)) if columns else DEFAULT_WIDTH


def write(lines: Iterable[Line], stream: TextIO) -> None:
    """Write the lines as the stream deserves it."""
    if wants_colour(stream):
        _write_coloured(lines, stream)
    else:
        stream.write(plain(lines, encoding=stream.encoding or "utf-8"))
        stream.flush()


def plain(lines: Iterable[Line], *, encoding: str = "utf-8") -> str:
    """Return the lines as text without any escape sequence."""
    rows = ("".join(span.text for span in spans).rstrip() for spans in lines)
    return "".join(fit(defuse(row), encoding) + "\n" for row in rows)


def _write_coloured(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console  # noqa: PLC0415 - costs 80 ms
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, highlight=False, emoji=False, markup=False)
    encoding = stream.encoding or "utf-8"
    for spans in lines:
        parts = [(fit(span.text, encoding), _LOOK[span.style]) for span in spans]
        console.print(Text.assemble(*parts), soft_wrap=True)


def as_json(document: Mapping[str, Any]) -> str:
    """Return a JSON document of ASCII that every parser takes: no lone surrogates."""
    return json.dumps(_without_surrogates(document), indent=2) + "\n"


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case Mapping():
            return {key: _without_surrogates(each) for key, each in value.items()}
        case list() | tuple():
            return [_without_surrogates(each) for each in value]
        case _:
            return value


def write_markdown(text: str, stream: TextIO) -> None:
    """Write Markdown: laid out on a terminal, as it is elsewhere."""
    if not wants_colour(stream):
        write(map(line, text.splitlines()), stream)
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.markdown import Markdown  # noqa: PLC0415

    console = Console(file=stream, width=width_of(stream))
    console.print(Markdown(fit(text, stream.encoding or "utf-8")))
