"""The battery: every attack, at every level that this machine offers.

Each group is one grading by the real command. What must hold: each attack ends as it may
and earns what it earned, the checks before and after it pass, nothing was written where
nothing may be written, nothing is left running, the supervisor stays small, and the exit
code says that not everything was passed.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from racecourse.sandbox.levels import Level
from tests import levels
from tests.hostile import battery

pytestmark = pytest.mark.usefixtures("nothing_left")

_TOKEN = "token-of-the-grader"  # noqa: S105 - a decoy
_WITHIN_S = 600
_SUPERVISOR_MIB = 400


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder with a short name that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="rc-attack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def places(root: Path) -> Iterator[dict[str, object]]:
    """What attacks aim at: secrets, a place to write to, a process, services."""
    secret, closed = root / "graders" / "secret.txt", root / "graders" / "closed.txt"
    secret.parent.mkdir()
    for file in (secret, closed):
        file.write_text(_TOKEN, "ascii")
    closed.chmod(0o600)
    marks = root / "marks"
    marks.mkdir()
    marks.chmod(0o777)
    shared = ("/dev/shm", "/tmp")  # noqa: S108 - where others could have left something
    planted = [Path(f"{folder}/rc-planted-{os.getpid()}") for folder in shared]
    abstract = f"rc-attack-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as service,
        socket.socket(socket.AF_UNIX) as by_path,
        socket.socket(socket.AF_UNIX) as by_name,
        subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
        ) as decoy,
    ):
        by_path.bind(str(root / "socket"))
        (root / "socket").chmod(0o777)
        by_name.bind(f"\0{abstract}")
        for listener in (by_path, by_name):
            listener.listen()
        for file in planted:
            file.write_text(_TOKEN, "ascii")
            file.chmod(0o666)
        yield {
            "MARKER": str(marks / "marker"),
            "SECRET": str(secret),
            "SECRET_CLOSED": str(closed),
            "DECOY": decoy.pid,
            "PORT": service.getsockname()[1],
            "SOCKET": str(root / "socket"),
            "ABSTRACT": abstract,
            "PLANTED": list(map(str, planted)),
        }
        assert decoy.poll() is None, "a process of ours was ended"
        decoy.kill()
        for file in planted:
            file.unlink()


@pytest.mark.parametrize("group", battery.GROUPS)
def test_attacks_gain_nothing(
    group: str, level: Level, root: Path, places: dict[str, object]
):
    """One grading of all attacks of a group at one level."""
    attacks = [a for a in battery.attacks_of(group) if level.name in a.levels]
    submission = battery.write_course(root, attacks, places)
    code, report, output = _grade(level, root, submission)
    checks = {check["id"]: check for check in report["checks"]}
    seen = {id_: check["cause"] or check["verdict"] for id_, check in checks.items()}
    assert (seen["FIRST"], seen["LAST"]) == ("passed", "passed")
    wrong = {
        attack.name: (seen[attack.id], checks[attack.id]["message"])
        for attack in attacks
        if seen[attack.id] not in attack.outcomes_at(level.name)
    }
    assert wrong == {}
    passed = sum(outcome == "passed" for outcome in seen.values())
    assert report["score"] == pytest.approx(100 * passed / len(seen), abs=0.01)
    assert report["max_score"] == 100
    assert code == (0 if passed == len(seen) else 1)
    assert report["machine"]["sandbox"] == level.name
    assert list((root / "marks").iterdir()) == []
    assert _TOKEN not in output
    assert "what-a-hidden-check-was-given" not in output
    assert "\x1b" not in output


def _grade(
    level: Level, root: Path, submission: Path
) -> tuple[int, dict[str, Any], str]:
    """Grade with the real command; return its exit code, its report, and its output."""
    home = root / "home"
    home.mkdir()
    home.chmod(0o777)
    command = levels.command_at(
        level,
        *(str(levels.ROOT / "cli.py"), "ex1", str(submission), "--course", str(root)),
        *("--format", "json", "--sandbox", level.name, "--seed", "1"),
    )
    with subprocess.Popen(
        command,
        env={
            "PATH": os.defpath,
            "HOME": str(home),
            "TMPDIR": str(home),
            "PYTHONPATH": str(levels.ROOT),
            "GITHUB_TOKEN": _TOKEN,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as grading:
        high_water: list[int] = []
        watch = threading.Thread(target=_watch, args=(grading.pid, high_water))
        watch.start()
        output, complaints = grading.communicate(timeout=_WITHIN_S)
        watch.join()
    assert "Traceback" not in complaints
    assert output, complaints[-2000:]
    assert max(high_water) < _SUPERVISOR_MIB << 20
    left = [path.name for path in home.glob("rc-*")]
    assert left == []
    return grading.returncode, json.loads(output), output + complaints


def _watch(pid: int, high_water: list[int]) -> None:
    """Note the size of the supervisor until it ends."""
    over = threading.Event()
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            high_water.append(process.memory_info().rss)
            over.wait(0.05)


def test_the_battery_is_large():
    """The six groups of the catalogue, and at least eighty attacks."""
    counts = {group: len(battery.attacks_of(group)) for group in battery.GROUPS}
    assert set(counts) == {
        "attacks_us",
        "exhausts",
        "forges",
        "games",
        "hijacks",
        "reads",
    }
    assert sum(counts.values()) >= 80
