"""Levels of confinement in tests: which there are here, and how to run at each of them.

As root, the levels for other users are tried as an unprivileged one, and those for root
with an interpreter that other users may read; `as_nobody.py` sees to both.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from racecourse.sandbox.levels import LEVELS, Level, level_named

ROOT = Path(__file__).parent.parent
NAMES = [level.name for level in LEVELS]
_NOBODY = 65534
_PROBE = """
import json, sys
from racecourse.sandbox import probe
from racecourse.sandbox.levels import level_named
print(json.dumps(probe.examine(level_named(sys.argv[1])).holds))
"""


def command_at(level: Level, *words: str) -> list[str]:
    """Return the command that runs Python with these words as a user of the level's."""
    python = [sys.executable, *words]
    if os.geteuid() != 0:
        return python
    uid = _NOBODY if level.forbids_root else 0
    return [sys.executable, str(ROOT / "tests" / "as_nobody.py"), str(uid), *python]


def run_at(
    level: Level,
    folder: Path,
    *words: str,
    within_s: float = 240.0,
    codes: tuple[int, ...] = (0,),
) -> Any:
    """Run Python with these words as a user of the level's; return the JSON it prints.

    Args:
        level: Who may use it decides who runs this.
        folder: A private one, for the temporary files of the run.
        words: The arguments of the interpreter.
        within_s: When to give up.
        codes: The exit codes with which it prints what was asked for.
    """
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0 and level.forbids_root:
        os.chown(folder, _NOBODY, _NOBODY)
    done = subprocess.run(
        command_at(level, *words),
        env={
            **os.environ,
            "TMPDIR": str(folder),
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode in codes, done.stderr[-4000:]
    return json.loads(done.stdout)


def open_to_others(folder: Path) -> None:
    """Let other users pass through pytest's private folders to this one."""
    for place in folder.parents:
        if place.name.startswith(("pytest-", "popen-")):
            place.chmod(0o711)


@cache
def offered(name: str, folder: Path) -> bool:
    """Whether this machine offers a level, to whoever may use it."""
    open_to_others(folder)
    level = level_named(name)
    if level.needs_root and os.geteuid() != 0:
        return False
    return bool(run_at(level, folder, "-c", _PROBE, name))
