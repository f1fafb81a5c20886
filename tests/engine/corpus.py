"""The programs under `programs/`: a mistake and its correct twin in each file."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

FOLDER = Path(__file__).parent / "programs"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file of the corpus, and what its constants say about it."""

    path: Path
    kind: str
    """Kind of failure expected of `buggy`; an assertion unless KIND says otherwise."""
    hard: bool
    """Known to be beyond the default budget; only the correct twin is decided."""

    @property
    def name(self) -> str:
        """Name of the file, without its ending."""
        return self.path.stem


def cases() -> list[Case]:
    """Return all cases, in the order of their names."""
    return [_read(path) for path in sorted(FOLDER.glob("*.py"))]


def _read(path: Path) -> Case:
    constants = {
        statement.targets[0].id: statement.value.value
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Constant)
    }
    return Case(
        path=path,
        kind=constants.get("KIND", "assertion"),
        hard=constants.get("HARD", False),
    )
