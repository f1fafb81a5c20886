"""What `grade lab` shows: a table, a sentence for each row, and a plot. Pure."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from racecourse.model.lab import TASKS, Cell, Row
from racecourse.model.report import Machine
from racecourse.report.text import BLANK, Line, Span, Style, line, wrap

_CLOSE = 0.7  # of what is possible counts as reached
_NO_GAIN = 1.25  # times as fast, or less, is no gain
TASK_NAMES = {"cpu": "CPU-bound: counting primes", "io": "I/O-bound: asking a server"}


def possible(cell: Cell, machine: Machine, jobs: int) -> float:
    """Return how many times as fast as one after the other the cell could be.

    Waiting overlaps as often as there are workers. Computing overlaps as often as
    there are cores, and only in processes, or in threads without a GIL.
    """
    if cell.task == "io":
        return 1.0 if cell.model == "sequential" else float(min(cell.workers, jobs))
    computes_at_once = cell.model == "processes" or (
        cell.model == "threads" and not machine.gil
    )
    cores = min(machine.cores, machine.cpu_quota or machine.cores)
    return max(1.0, min(cell.workers, cores, jobs)) if computes_at_once else 1.0


def sentence(row: Row, machine: Machine, jobs: int) -> str:
    """Say in one sentence what the row shows on this machine, and why."""
    best = possible(row.cell, machine, jobs)
    why = _why(row.cell, machine)
    if row.cell.model == "sequential":
        return why
    return f"{why} {_how_close(row.speedup, best)}"


_WAITING = {
    "threads": "A thread that waits for an answer lets the others run.",
    "processes": "Processes wait side by side too; each costs a start, and memory.",
    "asyncio": "One thread waits for all answers at once.",
}


def _why(cell: Cell, machine: Machine) -> str:
    if cell.model == "sequential":
        return "One job after the other: what the others are compared with."
    if cell.workers == 1:
        return "With one worker nothing runs beside anything."
    return _WAITING[cell.model] if cell.task == "io" else _computing(cell, machine)


def _computing(cell: Cell, machine: Machine) -> str:
    if cell.model == "asyncio":
        return "A coroutine that computes holds up the loop and all its sisters."
    if cell.model == "threads" and machine.gil:
        return "The GIL lets one thread at a time run Python code."
    if machine.cores == 1:
        return f"There is one core, and {cell.model} take turns on it."
    if cell.model == "threads":
        return f"Without a GIL threads compute on all {machine.cores} cores."
    return f"Each process has a GIL of its own; {machine.cores} cores can work at once."


def _how_close(speedup: float, best: float) -> str:
    if best == 1:
        gain = "Nothing is to be gained"
        return (
            f"{gain}, and nothing was."
            if speedup < _NO_GAIN
            else (
                f"{gain}; that it was {speedup:.1f} times as fast is chance, or a busy"
                " machine."
            )
        )
    if speedup >= _CLOSE * best:
        return f"{speedup:.1f} times as fast, of {best:.3g} possible."
    return (
        f"{speedup:.1f} times as fast, of {best:.3g} possible: the rest went into"
        " starting workers and handing over, or to others on this machine."
    )


def table(
    rows: Sequence[Row], machine: Machine, *, jobs: int, rounds: int, width: int = 88
) -> Iterator[Line]:
    """Yield a table for each kind of task, with a sentence below each row."""
    for task in TASKS:
        yield line(f"{TASK_NAMES[task]}, {jobs} jobs", Style.TITLE)
        head = f"  {'':12}{'workers':>7}{'seconds':>10}{'speedup':>9}{'memory':>10}"
        yield line(head, Style.FAINT)
        for row in (each for each in rows if each.cell.task == task):
            yield line(
                f"  {row.cell.model:12}{row.cell.workers:7}{row.seconds:10.3f}"
                f"{row.speedup:8.2f}x{row.peak_mb:7.1f} MB"
            )
            for part in wrap(sentence(row, machine, jobs), width - 6):
                yield (Span(f"      {part}", Style.FAINT),)
        yield BLANK
    yield from _footnotes(machine, rounds, width)


def _footnotes(machine: Machine, rounds: int, width: int) -> Iterator[Line]:
    lock = "with a GIL" if machine.gil else "without a GIL"
    text = (
        f"Python {machine.python} {lock}, {machine.platform}, {machine.cores} cores."
        f" Medians of {rounds} interleaved rounds. Every row does the same work."
        " Seconds cover starting and ending the workers. Memory is what the whole tree"
        " of processes used at its highest, less what it used before."
    )
    yield from (line(part, Style.FAINT) for part in wrap(text, width))


def plain(
    rows: Sequence[Row], machine: Machine, *, jobs: int, rounds: int
) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "machine": dataclasses.asdict(machine),
        "jobs": jobs,
        "rounds": rounds,
        "rows": [
            {
                "task": row.cell.task,
                "model": row.cell.model,
                "workers": row.cell.workers,
                "seconds": round(row.seconds, 4),
                "speedup": round(row.speedup, 3),
                "peak_mb": round(row.peak_mb, 2),
                "explanation": sentence(row, machine, jobs),
            }
            for row in rows
        ],
    }
