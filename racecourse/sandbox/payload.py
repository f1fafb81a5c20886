"""What a worker finds in its folder: the submission's text, and what lies beside it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import racecourse
from racecourse.sandbox import bytecode
from racecourse.sandbox.launch import OURS, LaunchSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What a worker loads: the submission's text, and what lies beside it.

    Both mappings are from a path below the submission's folder to a text.
    """

    solution: str
    given: Mapping[str, str] = field(default_factory=dict)  # as students received it
    hidden: Mapping[str, str] = field(default_factory=dict)  # scenarios, schedules

    def scenarios_for(self, category: str) -> str | None:
        """Return the module with the scenarios of a category of checks, if any."""
        if f"scenarios/{category}.py" in self.hidden:
            return f"scenarios.{category}"
        return "scenarios" if "scenarios.py" in self.hidden else None

    def files(self) -> dict[str, str]:
        """Return every file by its path; nothing hides the submission itself."""
        return {**self.given, **self.hidden, "solution.py": self.solution}


def lay_out(spec: LaunchSpec, payload: Payload) -> None:
    """Make the folders of a run; what the worker may read belongs to us."""
    folder = Path(spec.box) / "submission"
    for path, text in payload.files().items():
        _write(folder / path, text.encode("utf-8"))
    for path, code in compiled_modules(payload).items():
        _write(folder / bytecode.cached_path(path), code)
    Path(spec.home).mkdir()
    ours = Path(spec.box) / OURS
    ours.mkdir()
    (ours / "racecourse").symlink_to(Path(racecourse.__file__).resolve().parent)
    if spec.uid:
        # Its group may pass through, and everything of it below is open to read.
        os.chown(spec.scratch, -1, spec.uid)
        os.chmod(spec.scratch, 0o710)  # noqa: PTH101, S103
        os.chown(spec.home, spec.uid, spec.uid)
        for place, _, files in os.walk(spec.box):
            if place != spec.home:
                os.chmod(place, 0o755)  # noqa: PTH101, S103
            for file in files:
                os.chmod(Path(place, file), 0o644)  # noqa: PTH101


def compiled_modules(payload: Payload) -> dict[str, bytes]:
    """Return the compiled form of each module that has one; made once for each text.

    Processes that are forked later need not make it again.
    """
    modules = {p: text for p, text in payload.files().items() if p.endswith(".py")}
    forms = {path: bytecode.compiled(text, path) for path, text in modules.items()}
    return {path: form for path, form in forms.items() if form}


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
