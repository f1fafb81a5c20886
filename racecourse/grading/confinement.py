"""Which level of confinement a run uses: the strongest that holds on this machine.

Levels are found out by attacking them (`racecourse.sandbox.probe`), which takes a second.
What came of it is kept until the machine is booted again. A run whose points may count
as marks does not believe what was kept: it attacks anew.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import racecourse
from racecourse.report.files import replace_file
from racecourse.sandbox import probe
from racecourse.sandbox.levels import LEVELS, PROMISES, Level, level_named

AUTO = "auto"
NAMES = (AUTO, *(level.name for level in LEVELS))
_MOST_KEPT = 8  # a class room has a few interpreters and copies of the course
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """The level to use, and what was found about it and those above it."""

    level: Level
    findings: tuple[tuple[str, str], ...]  # level, what came of trying it


class NotConfined(Exception):  # noqa: N818 - an answer about this machine
    """This machine cannot confine a submission as the run demands."""


def choose(name: str, *, official: bool, accept_weak: bool) -> Confinement:
    """Return the confinement for a run.

    Args:
        name: A level's name, or `auto` for the strongest that holds.
        official: Whether the points may count as marks.
        accept_weak: Whether they may although the level promises less than it should.

    Raises:
        NotConfined: If an official run would be weak, or the level does not hold.
    """
    if name == AUTO:
        found = _tried(LEVELS) if official else strongest()
    else:
        found = _tried([level_named(name)])
        if found.level.name != name:
            raise NotConfined(f"the level {name!r} does not hold here: {_why(found)}")
    if official and not found.level.official and not accept_weak:
        raise NotConfined(
            f"points from here would not be marks: the strongest sandbox is"
            f" {found.level.name!r}, {found.level.summary} ({_why(found)})."
            " Grade on a machine where `grade doctor` shows a strong one, or say"
            " --accept-weak, and the report will say so too"
        )
    return found


def strongest() -> Confinement:
    """Return the strongest level that holds here, as was found since the last boot."""
    file, key = _kept_in(os.environ), _key()
    kept = _read(file)
    for each in kept:
        if each["key"] == key:
            level, findings = level_named(each["level"]), tuple(each["findings"])
            return Confinement(level=level, findings=findings)
    found = _tried(LEVELS)
    new = {"key": key, "level": found.level.name, "findings": found.findings}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, json.dumps([new, *kept][:_MOST_KEPT]))
    except OSError:
        pass  # a folder that cannot be written costs a second at each run
    return found


def _read(file: Path) -> list[dict[str, Any]]:
    """Return what was found on this machine by each interpreter and user, newest first.

    Empty if there is nothing, or nothing that we can read.
    """
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return [
            {
                "key": [str(part) for part in each["key"]],
                "level": level_named(each["level"]).name,
                "findings": [(str(a), str(b)) for a, b in each["findings"]],
            }
            for each in kept
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def promised(level: Level) -> str:
    """Return what a level promises, as a sentence."""
    kept = [text for name, text in PROMISES.items() if name in level.promises]
    if not kept:
        return "Hostile code is not held back at this level."
    return f"A submission {'; '.join(kept)}."


def _tried(levels: Iterable[Level]) -> Confinement:
    level, findings = probe.strongest(levels)
    return Confinement(
        level=level, findings=tuple((f.level.name, f.summary) for f in findings)
    )


def _why(found: Confinement) -> str:
    others = [
        f"{name} is {what}" for name, what in found.findings if what != "available"
    ]
    return "; ".join(others) or "nothing stronger was tried"


def _key() -> list[str]:
    """Return what must be the same for what was found to hold still."""
    boot = _BOOT.read_text("ascii").strip() if _BOOT.exists() else "unknown"
    package = Path(racecourse.__file__).resolve().parent
    return [boot, str(os.geteuid()), sys.executable, str(package)]


def _kept_in(environment: Mapping[str, str]) -> Path:
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    base = base if base.is_absolute() else Path("~/.cache").expanduser()
    return base / "racecourse" / "sandbox.json"
