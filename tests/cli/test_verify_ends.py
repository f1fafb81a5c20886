"""`grade verify` takes its helpers with it, however it ends."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent.parent
_WITHIN_S = 30.0


def _wait_for(process: subprocess.Popen[bytes], depth: int) -> list[psutil.Process]:
    """Return the descendants of a process once there is one so many generations down."""
    for _ in range(600):
        family = psutil.Process(process.pid).children(recursive=True)
        for each in family:
            generation, parent = 0, each
            while parent is not None and parent.pid != process.pid:
                generation, parent = generation + 1, parent.parent()
            if generation >= depth:
                return family
        select.poll().poll(50)
    pytest.fail("it started nothing")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_nothing_grades_on_when_it_is_killed(tmp_path: Path):
    course = ROOT / "docs" / "worked-example"
    # What is killed clears nothing away, so its folders lie where pytest does.
    places = dict.fromkeys(("XDG_STATE_HOME", "TMPDIR"), str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "verify", "--course", str(course)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **places},
    )
    family = _wait_for(process, depth=3)  # a worker of its pool, its zygote, a keeper
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, left = psutil.wait_procs(family, timeout=_WITHIN_S)
    assert [each for each in left if each.is_running()] == []
