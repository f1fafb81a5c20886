"""A student's workspace: one folder for each exercise, and a place for what grade keeps.

The marker file at the top lets `grade` find the workspace from any folder below. What
is kept (journal, best scores, hint rungs) goes under `.racecourse/`; outside of any
workspace it goes to the user's state folder.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from racecourse.grading.catalogue import Content
from racecourse.report.failure import Refusal

MARKER = "racecourse.toml"
_STATE = ".racecourse"
_MARKER_TEXT = """\
# This folder is a Racecourse workspace. `grade` looks for this file, here and in the
# folders above, to know where your solutions are. Please leave it in place.
"""
_JOURNAL_BYTES = 8 << 20  # a longer journal is set aside before a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A folder that `grade init` made."""

    root: Path

    def folder_of(self, content: Content) -> Path:
        """Return where the solution of an exercise belongs."""
        return self.root / content.exercise.slug

    def is_begun(self, content: Content) -> bool:
        """Whether there is something to grade: a solution that is not the starter."""
        folder = self.folder_of(content)
        solution = folder / "solution.py"
        if not solution.is_file():
            return any(folder.glob("*.py")) or any(folder.glob("*.ipynb"))
        return solution.read_bytes() != content.starter.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What `create` did, as paths below the workspace."""

    workspace: Workspace
    written: tuple[Path, ...]
    kept: tuple[Path, ...]  # were there before and were not touched


def find_workspace(start: Path) -> Workspace | None:
    """Return the workspace that this file or folder lies in."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / MARKER).is_file():
            return Workspace(root=folder)
    return None


def create(root: Path, contents: Iterable[Content]) -> Created:
    """Make a workspace, or add to it what is missing; no file is ever overwritten.

    Raises:
        Refusal: If the folder lies in another workspace or cannot be written.
    """
    around = find_workspace(root)
    if around is not None and around.root != root.absolute():
        raise Refusal(f"{root} lies in the workspace {around.root} already.")
    written, kept = [], []
    for relative, text in _files(contents).items():
        try:
            if _write_new(root / relative, text):
                written.append(relative)
            else:
                kept.append(relative)
        except OSError as error:
            raise Refusal(
                f"{root / relative} cannot be written: {error.strerror}."
            ) from None
    return Created(
        workspace=Workspace(root=root.absolute()),
        written=tuple(written),
        kept=tuple(kept),
    )


def _files(contents: Iterable[Content]) -> dict[Path, bytes]:
    files = {}
    for content in contents:
        folder = Path(content.exercise.slug)
        for source in (content.readme, content.starter, *content.given()):
            if source.is_file():
                files[folder / source.name] = source.read_bytes()
    # The marker comes last: a workspace that could not be finished is none.
    return {**files, Path(MARKER): _MARKER_TEXT.encode("ascii")}


def _write_new(path: Path, content: bytes) -> bool:
    """Write the file unless there is anything of that name; return whether it was new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def state_folder(
    workspace: Workspace | None, environment: Mapping[str, str] = os.environ
) -> Path:
    """Return where grade keeps what it knows; the folder need not exist yet."""
    if workspace is not None:
        return workspace.root / _STATE
    home = environment.get("XDG_STATE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path("~/.local/state")
    return base.expanduser() / "racecourse"


def prepare(state: Path) -> None:
    """Make the state folder, and keep it out of the student's own repository.

    Raises:
        OSError: If it cannot be written.
    """
    _write_new(state / ".gitignore", b"*\n")


def journal_in(state: Path) -> Path:
    """Return the journal of a state folder; one that has grown long is set aside."""
    journal = state / "journal.jsonl"
    if journal.is_file() and journal.stat().st_size > _JOURNAL_BYTES:
        journal.replace(state / "journal.old.jsonl")
    return journal
