"""The real command, run as a process of its own with a home of its own."""

# ruff: noqa: ANN001, ANN002
# Fixtures need no types, as in the graders.

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TINY = ROOT / "bench" / "tiny"
RIGHT = TINY / "reference" / "ex01_counter" / "solution.py"
STARTER = TINY / "starter" / "ex01_counter" / "solution.py"
COMMAND = (sys.executable, str(ROOT / "cli.py"))


@pytest.fixture
def home(tmp_path) -> Path:
    """A folder outside of any workspace, where the command runs."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(home) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "TERM": "xterm-256color",
    }


@pytest.fixture
def grade(home, environment):
    """Run `grade` with these words and return what came of it."""

    def run(*words, cwd=home, tiny=True, env=None) -> subprocess.CompletedProcess[str]:
        course = ("--course", str(TINY)) if tiny else ()
        return subprocess.run(
            [*COMMAND, *map(str, words), *course],
            cwd=cwd,
            env={**environment, **(env or {})},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def workspace(grade, home) -> Path:
    """A workspace with the starter of the tiny exercise."""
    assert grade("init", "work").returncode == 0
    return home / "work"
