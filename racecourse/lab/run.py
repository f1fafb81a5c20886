"""Running the cells: a fresh interpreter for each run, watched from outside.

The interpreter says when it is ready and waits for the word; memory is counted from
then on, over its whole process tree, by the process that watches. Rounds are
interleaved: every cell once, then every cell again, so that what disturbs the machine
for a while disturbs all of them alike. A cell's result is its median.
"""

import contextlib
import json
import selectors
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from time import monotonic
from typing import IO, Any

import psutil

from racecourse.model.lab import Cell, Row, Sample, Work

_LOOK_EVERY_S = 0.01
_RUN_WITHIN_S = 120.0
_MB = 1e6


class LabError(Exception):
    """A run did not come to its end, or the answers differ; the text says which."""


def measure(
    cells: Sequence[Cell],
    work: Work,
    *,
    rounds: int,
    on_sample: Callable[[Sample], None] = lambda _: None,
) -> tuple[Row, ...]:
    """Run every cell `rounds` times and return a row of medians for each.

    Raises:
        LabError: If a run fails, or if two ways came to different answers.
    """
    samples: list[Sample] = []
    answers: dict[str, object] = {}
    with _server(work) as port:
        for _ in range(rounds):
            for cell in cells:
                sample, answer = _run(cell, work, port)
                if answers.setdefault(cell.task, answer) != answer:
                    raise LabError(f"{cell.label} came to another answer than the rest")
                on_sample(sample)
                samples.append(sample)
    return rows_of(samples)


def rows_of(samples: Sequence[Sample]) -> tuple[Row, ...]:
    """Return the medians of each cell, in the order in which the cells first came."""
    by_cell: dict[Cell, list[Sample]] = {}
    for sample in samples:
        by_cell.setdefault(sample.cell, []).append(sample)
    seconds = {
        cell: statistics.median(each.seconds for each in found)
        for cell, found in by_cell.items()
    }
    alone = {c.task: s for c, s in seconds.items() if c.model == "sequential"}
    return tuple(
        Row(
            cell=cell,
            seconds=seconds[cell],
            peak_mb=statistics.median(each.peak_mb for each in found),
            speedup=alone.get(cell.task, seconds[cell]) / seconds[cell],
        )
        for cell, found in by_cell.items()
    )


def _run(cell: Cell, work: Work, port: int) -> tuple[Sample, object]:
    with _started("runner", asdict(cell), asdict(work), port) as process:
        _line(process)  # it is ready
        tree = psutil.Process(process.pid)
        before = _memory(tree)
        _say(process, "go")
        peak, told = _peak_until_told(process, tree)
        sample = Sample(
            cell=cell,
            seconds=float(told["seconds"]),
            peak_mb=max(0.0, peak - before) / _MB,
        )
        return sample, told["answers"]


@contextlib.contextmanager
def _server(work: Work) -> Iterator[int]:
    with _started("server", work.answer_after_s) as process:
        yield int(_line(process)["port"])


@contextlib.contextmanager
def _started(module: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Start a module of this package; it is gone, with its children, at the end."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [
            *(sys.executable, "-m", f"racecourse.lab.{module}"),
            *map(json.dumps, arguments),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
        process.wait()
        _stream(process.stdin).close()
        _stream(process.stdout).close()


def _say(process: "subprocess.Popen[str]", word: str) -> None:
    stream = _stream(process.stdin)
    stream.write(f"{word}\n")
    stream.flush()


def _line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    text = _stream(process.stdout).readline()
    if not text:
        raise LabError(f"a run ended early, with exit code {process.wait()}")
    line: dict[str, Any] = json.loads(text)
    return line


def _peak_until_told(
    process: "subprocess.Popen[str]", tree: psutil.Process
) -> tuple[int, dict[str, Any]]:
    """Watch the memory of the tree until the run has told its end."""
    peak, deadline = 0, monotonic() + _RUN_WITHIN_S
    with selectors.DefaultSelector() as selector:
        selector.register(_stream(process.stdout), selectors.EVENT_READ)
        while True:
            peak = max(peak, _memory(tree))
            if selector.select(_LOOK_EVERY_S):
                return peak, _line(process)
            if monotonic() > deadline:
                raise LabError(f"a run was not over after {_RUN_WITHIN_S:g} s")


def _memory(tree: psutil.Process) -> int:
    """Return the memory of a process and its children in bytes, shared pages once."""
    total = 0
    for process in (tree, *tree.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.uss)
    return total


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None  # noqa: S101 - both are pipes
    return stream
