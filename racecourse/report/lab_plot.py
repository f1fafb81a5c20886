"""The plot of `grade lab`: seconds and memory over workers, as SVG or as a page. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log2

import jinja2

from racecourse.model.lab import MODELS, TASKS, Model, Row, Task
from racecourse.model.report import Machine
from racecourse.report.lab import TASK_NAMES, sentence

WIDTH, HEIGHT = 380, 250  # of one panel, in SVG units
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 88, 34, 40
_TICKS = 4
# Okabe and Ito's palette: told apart by people who do not see red and green.
_COLOURS: dict[Model, str] = {
    "sequential": "#777777",
    "threads": "#d55e00",
    "processes": "#0072b2",
    "asyncio": "#009e73",
}
_DASHES: dict[Model, str] = {
    "sequential": "6 4",
    "threads": "",
    "processes": "",
    "asyncio": "2 3",
}
_LABEL_APART = 13.0
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("racecourse.report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One way of working in one panel; coordinates in SVG units of the panel."""

    model: Model
    points: tuple[tuple[float, float], ...]
    colour: str
    dashes: str
    label_y: float

    @property
    def path(self) -> str:
        """The points as SVG's `polyline` takes them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One pair of axes."""

    title: str
    unit: str
    x: float  # of its corner in the picture
    y: float
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...]


def svg(rows: Sequence[Row]) -> str:
    """Return the four panels as one SVG document."""
    return _templates.get_template("lab.svg.jinja").render(
        panels=list(_panels(rows)),
        width=2 * WIDTH,
        height=2 * HEIGHT,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        top=_TOP,
        bottom=HEIGHT - _BOTTOM,
    )


def page(rows: Sequence[Row], machine: Machine, *, jobs: int, rounds: int) -> str:
    """Return a page that needs nothing else: the plot, and a table with sentences."""
    tables = [
        (
            TASK_NAMES[task],
            [(r, sentence(r, machine, jobs)) for r in rows if r.cell.task == task],
        )
        for task in TASKS
    ]
    return _templates.get_template("lab.html.jinja").render(
        plot=svg(rows),
        tables=tables,
        machine=machine,
        jobs=jobs,
        rounds=rounds,
    )


def _panels(rows: Sequence[Row]) -> Iterator[Panel]:
    for column, task in enumerate(TASKS):
        mine = [row for row in rows if row.cell.task == task]
        if mine:
            yield _panel(mine, task, "seconds", lambda row: row.seconds, column, 0)
            yield _panel(mine, task, "added memory, MB", lambda r: r.peak_mb, column, 1)


def _panel(  # noqa: PLR0913, PLR0917 - what is shown, and where
    rows: Sequence[Row],
    task: Task,
    unit: str,
    value: Callable[[Row], float],
    column: int,
    line: int,
) -> Panel:
    workers = sorted({row.cell.workers for row in rows})
    step = _step(max(value(row) for row in rows))
    top = step * _TICKS

    def x_of(count: int) -> float:
        span = max(1.0, log2(workers[-1] / workers[0]))
        share = log2(count / workers[0]) / span
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y_of(amount: float) -> float:
        return HEIGHT - _BOTTOM - amount / top * (HEIGHT - _TOP - _BOTTOM)

    curves = []
    for model in MODELS:
        found = [(r.cell.workers, value(r)) for r in rows if r.cell.model == model]
        if model == "sequential":  # the same however many workers others have
            found = [(count, amount) for _, amount in found for count in workers]
        if found:
            points = tuple((x_of(count), y_of(amount)) for count, amount in found)
            curves.append((model, points))
    return Panel(
        title=TASK_NAMES[task],
        unit=unit,
        x=column * WIDTH,
        y=line * HEIGHT,
        x_ticks=tuple((x_of(count), str(count)) for count in workers),
        y_ticks=tuple((y_of(n * step), f"{n * step:g}") for n in range(_TICKS + 1)),
        curves=tuple(_labelled(curves)),
    )


def _labelled(
    curves: Sequence[tuple[Model, tuple[tuple[float, float], ...]]],
) -> Iterator[Curve]:
    """Give each curve a place for its name at its right end, none over another."""
    lowest = 0.0
    for model, points in sorted(curves, key=lambda curve: curve[1][-1][1]):
        label_y = max(points[-1][1], lowest + _LABEL_APART)
        lowest = label_y
        yield Curve(
            model=model,
            points=points,
            colour=_COLOURS[model],
            dashes=_DASHES[model],
            label_y=label_y,
        )


def _step(highest: float) -> float:
    """Return a round step such that the ticks reach the highest value."""
    size = 1e-6
    while True:
        for factor in (1, 2, 2.5, 5):
            if size * factor * _TICKS >= highest:
                return size * factor
        size *= 10
