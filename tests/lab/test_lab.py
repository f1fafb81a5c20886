"""The lab: the same answers in every way, honest sentences, a plot that is XML."""

# ruff: noqa: ANN001, ANN202

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from racecourse.lab import run
from racecourse.model.lab import Cell, Row, Sample, Work, cells
from racecourse.model.report import Machine
from racecourse.report import lab, lab_plot
from racecourse.report.writers import as_json

SMALL = Work(jobs=4, primes_below=50, answer_after_s=0.01)
TWO_CORES = Machine(
    python="3.13.0",
    platform="Linux x86_64",
    cores=2,
    cpu_quota=None,
    gil=True,
    start_methods=("fork", "spawn"),
    sandbox="plain",
)


def _row(task, model, workers, speedup):
    cell = Cell(task=task, model=model, workers=workers)
    return Row(cell=cell, seconds=1 / speedup, peak_mb=1.5, speedup=speedup)


def test_every_way_does_the_same_work():
    """`measure` itself demands equal answers; here they are known: 15 primes below 50."""
    told = []
    rows = run.measure(cells((2,)), SMALL, rounds=1, on_sample=told.append)
    assert [row.cell for row in rows] == list(cells((2,)))
    assert len(told) == len(rows) == 2 * 4
    assert all(row.seconds > 0 and row.peak_mb >= 0 for row in rows)


def test_waiting_overlaps():
    """Four questions of 0.2 s, four at once: no machine is so busy that it takes 0.7 s."""
    slow = replace(SMALL, answer_after_s=0.2)
    chosen = [cell for cell in cells((4,)) if cell.task == "io"]
    seconds = {r.cell.model: r.seconds for r in run.measure(chosen, slow, rounds=1)}
    assert seconds["sequential"] >= 0.8
    assert min(seconds["threads"], seconds["asyncio"]) < 0.7


def test_memory_of_children_is_counted():
    """A process costs memory that the parent's own does not show."""
    chosen = (Cell(task="io", model="processes", workers=2),)
    (row,) = run.measure(chosen, replace(SMALL, answer_after_s=0.2), rounds=1)
    assert row.peak_mb > 1


def test_other_answers_are_no_result(monkeypatch):
    """A lab whose ways disagree compares different work."""
    answers = iter(([1], [2]))
    sample = Sample(cell=cells((2,))[0], seconds=1.0, peak_mb=0.0)
    monkeypatch.setattr(run, "_run", lambda *_: (sample, next(answers)))
    with pytest.raises(run.LabError, match="another answer"):
        run.measure(cells((2,))[:2], SMALL, rounds=1)


def test_rows_are_medians_over_the_rounds():
    """The speedup is that of the medians, against one after the other."""
    alone = Cell(task="io", model="sequential", workers=1)
    threads = Cell(task="io", model="threads", workers=2)
    seen = [
        (alone, 4),
        (threads, 3),
        (alone, 8),
        (threads, 2),
        (alone, 5),
        (threads, 1),
    ]
    samples = [Sample(cell=c, seconds=float(s), peak_mb=float(s)) for c, s in seen]
    first, second = run.rows_of(samples)
    assert (first.seconds, first.speedup) == (5.0, 1.0)
    assert (second.seconds, second.speedup, second.peak_mb) == (2.0, 2.5, 2.0)


@pytest.mark.parametrize(
    ("task", "model", "workers", "machine", "best"),
    [
        ("cpu", "processes", 8, TWO_CORES, 2),
        ("cpu", "processes", 8, replace(TWO_CORES, cpu_quota=0.5), 1),
        ("cpu", "threads", 8, TWO_CORES, 1),
        ("cpu", "threads", 8, replace(TWO_CORES, gil=False), 2),
        ("cpu", "asyncio", 8, replace(TWO_CORES, gil=False), 1),
        ("io", "asyncio", 8, TWO_CORES, 8),
        ("io", "threads", 32, TWO_CORES, 16),
        ("io", "sequential", 1, TWO_CORES, 1),
    ],
)
def test_what_is_possible(task, model, workers, machine, best):
    """Waiting overlaps by workers, computing by cores, and threads by the GIL."""
    cell = Cell(task=task, model=model, workers=workers)
    assert lab.possible(cell, machine, jobs=16) == best


def test_sentences_say_what_was_seen_and_why():
    """What did not come out as it could is said, and not explained away."""
    near = lab.sentence(_row("cpu", "processes", 2, 1.8), TWO_CORES, 16)
    assert "a GIL of its own" in near
    assert "1.8 times as fast, of 2 possible." in near
    far = lab.sentence(_row("cpu", "processes", 2, 1.1), TWO_CORES, 16)
    assert "the rest went into starting workers" in far
    lucky = lab.sentence(_row("cpu", "threads", 4, 1.6), TWO_CORES, 16)
    assert "chance, or a busy machine" in lucky


def test_the_plot_is_an_svg_document():
    """Four panels, a curve for each way in each, and nothing unescaped."""
    rows = [
        _row(c.task, c.model, c.workers, speedup=c.workers) for c in cells((1, 2, 4, 8))
    ]
    root = ET.fromstring(lab_plot.svg(rows))  # noqa: S314 - our own document
    curves = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(curves) == 4 * 4
    page = lab_plot.page(rows, TWO_CORES, jobs=16, rounds=3)
    assert page.count("<svg") == 1
    assert page.count("<tr><td>") == len(rows)


def test_one_count_of_workers_is_enough():
    """A single column of points, no division by nothing."""
    rows = [_row(c.task, c.model, c.workers, 1.0) for c in cells((1,))]
    assert "nan" not in lab_plot.svg(rows)


def test_json_names_every_row():
    """What a program reads is what the table shows."""
    rows = [_row("io", "threads", 2, 1.9)]
    told = json.loads(as_json(lab.plain(rows, TWO_CORES, jobs=16, rounds=3)))
    assert told["rows"][0]["model"] == "threads"
    assert told["machine"]["cores"] == 2
