"""A verdict depends on the program only: not on the version, the seed, or the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROBE = "import greenlet, sys; print(sys.version_info[:2] >= (3, 11))"
SEEDS = ("0", "1", "4711")


def _interpreters() -> list[str]:
    """Return this Python, and each other one in reach that could run the engine.

    Looked for on the path, and beside this virtual environment.
    """
    names = [f"python3.{minor}" for minor in (11, 12, 13)]
    found = [path for name in names if (path := shutil.which(name))]
    beside = sorted(Path(sys.prefix).parent.glob("*/bin/python"))
    candidates = dict.fromkeys([sys.executable, *found, *map(str, beside)])
    return [path for path in candidates if _can_run(path)]


def _can_run(python: str) -> bool:
    done = subprocess.run([python, "-c", PROBE], capture_output=True, check=False)
    return done.stdout.strip() == b"True"


def _signature(python: str, seed: str) -> str:
    paths = os.pathsep.join([str(ROOT), str(HERE)])
    done = subprocess.run(
        [python, str(HERE / "signature.py")],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed},
    )
    return done.stdout


def test_every_interpreter_and_hash_seed_gives_the_same_answer():
    """Verdicts, numbers of runs, schedules and stories; pools and coroutines too."""
    expected = _signature(sys.executable, SEEDS[0])
    assert "pool_lost_result buggy failed" in expected
    for seed in SEEDS[1:]:
        assert _signature(sys.executable, seed) == expected, seed
    for index, python in enumerate(_interpreters()[1:]):
        seed = SEEDS[index % len(SEEDS)]
        assert _signature(python, seed) == expected, python
