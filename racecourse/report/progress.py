"""What is shown while checks run: a table that changes in place, or a line per check.

Nothing here may start a thread: the supervisor forks after `planned` was called.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from racecourse.model.exercise import Check
from racecourse.model.result import CheckResult
from racecourse.report.document import state
from racecourse.report.text import Style, clean, defuse, fit
from racecourse.report.writers import wants_colour

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table


class Progress(Protocol):
    """Told about each check; a context manager that leaves the stream tidy."""

    def planned(self, checks: tuple[Check, ...]) -> None:
        """Learn which checks will run."""

    def started(self, check: Check) -> None:
        """Learn that a check runs now."""

    def finished(self, result: CheckResult) -> None:
        """Learn how a check ended."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def progress_on(stream: TextIO) -> Progress:
    """Return the progress display that suits the stream."""
    return LiveProgress(stream) if wants_colour(stream) else PlainProgress(stream)


class PlainProgress:
    """One line for each check, as soon as it has ended."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._titles: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy."""

    def planned(self, checks: tuple[Check, ...]) -> None:
        """Learn which checks will run."""
        self._titles = {check.id: check.title for check in checks}

    def started(self, check: Check) -> None:
        """Say nothing: a line that cannot change is written once, at the end."""

    def finished(self, result: CheckResult) -> None:
        """Write how the check ended."""
        word, _ = state(result)
        title = clean(self._titles.get(result.check_id, ""))
        text = f"  {word:<14}  {result.check_id:<4}{result.seconds:6.2f} s  {title}"
        self._stream.write(fit(defuse(text), self._stream.encoding or "utf-8") + "\n")
        self._stream.flush()


class LiveProgress:
    """A table of all checks that changes in place and goes away at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live: Live | None = None
        self._checks: tuple[Check, ...] = ()
        self._running: set[str] = set()
        self._results: dict[str, CheckResult] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def planned(self, checks: tuple[Check, ...]) -> None:
        """Draw the table."""
        from rich.console import Console  # noqa: PLC0415 - costs 80 ms
        from rich.live import Live  # noqa: PLC0415

        self._checks, self._results = checks, {}
        self._live = Live(
            self._table(),
            console=Console(file=self._stream, highlight=False, markup=False),
            auto_refresh=False,  # would be a thread
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )
        self._live.start(refresh=True)

    def started(self, check: Check) -> None:
        """Show that the check runs."""
        self._running.add(check.id)
        self._redraw()

    def finished(self, result: CheckResult) -> None:
        """Show how the check ended."""
        self._running.discard(result.check_id)
        self._results[result.check_id] = result
        self._redraw()

    def _redraw(self) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)

    def _table(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table.grid(padding=(0, 2))
        for check in self._checks:
            word, look, took = self._row(check)
            title = Text(clean(check.title), no_wrap=True, overflow="ellipsis")
            table.add_row(Text(f"  {word:<14}", style=look), check.id, took, title)
        return table

    def _row(self, check: Check) -> tuple[str, str, str]:
        result = self._results.get(check.id)
        if result is not None:
            word, style = state(result)
            looks = {Style.GOOD: "green", Style.BAD: "red", Style.DOUBTFUL: "yellow"}
            return word, looks.get(style, "dim"), f"{result.seconds:.2f} s"
        running = check.id in self._running
        return ("running", "bold", "") if running else ("waiting", "dim", "")
