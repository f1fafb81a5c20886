"""The journal of a run: what was planned, and each result before the next check starts.

One JSON object per line, appended with a single write and flushed to disk, so that a
supervisor killed at any instant loses at most the checks in flight.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from racecourse.model.result import CheckResult


class Journal:
    """An append-only file. A context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._end_cut_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def plan(
        self, *, exercise: str, sha256: str, seed: int, checks: Iterable[str]
    ) -> None:
        """Write down which checks this run will judge, before the first starts."""
        self._append(
            {
                "planned": list(checks),
                "exercise": exercise,
                "sha256": sha256,
                "seed": seed,
            }
        )

    def finished(self, result: CheckResult) -> None:
        """Write down one result."""
        self._append({"finished": result.to_plain()})

    def _end_cut_line(self) -> None:
        """Keep what is written next apart from a line that a crash cut short."""
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")

    def _append(self, entry: dict[str, Any]) -> None:
        os.write(self._fd, (json.dumps(entry) + "\n").encode("ascii"))
        os.fsync(self._fd)


def read_results(path: Path) -> tuple[CheckResult, ...]:
    """Return the results in a journal; a last line cut short by a crash is left out."""
    results = []
    text = path.read_text(encoding="ascii", errors="replace")
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and "finished" in entry:
            results.append(CheckResult.from_plain(entry["finished"]))
    return tuple(results)
