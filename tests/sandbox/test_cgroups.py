"""The kernel bounds the memory of a tree where there are control groups, and none stays."""

import os
from pathlib import Path

import psutil
import pytest

from racecourse.model.exercise import Limits
from racecourse.model.verdict import Cause
from racecourse.sandbox import observer
from racecourse.sandbox.endings import LimitPassed
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Zygote
from racecourse.sandbox.levels import PLAIN, Level, level_named
from racecourse.sandbox.linux import cgroups
from racecourse.sandbox.payload import Payload

_HOARDS = """
def hoard(mib):
    kept = b"x" * (mib << 20)
    return len(kept) >> 20
"""
_HOURS_MS = 10_000_000


@pytest.fixture
def level() -> Level:
    """The strongest level with control groups, or the one that has none."""
    group = cgroups.make(f"racecourse-test-{os.getpid()}")
    if group is None:
        return PLAIN
    group.remove()
    return level_named("root")


def _groups_of(pids: list[int]) -> list[Path]:
    tops = set(cgroups.our_groups().values())
    named = [top / f"racecourse-{pid}" for top in tops for pid in pids]
    return [path for path in named if path.exists()]


def test_what_is_hoarded_between_two_looks_is_ended_by_the_kernel(
    level: Level, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(observer, "_LOOK_EVERY_MS", _HOURS_MS)
    zygote = Zygote(lanes=1, level=level)
    payload = Payload(solution="", hidden={"scenarios.py": _HOARDS})
    worker = zygote.first_lane().launch(payload, Limits(memory_mib=64))
    worker.load(LoadOptions(scenarios="scenarios"), within_s=20)
    assert worker.answer(worker.begin("hoard", {"mib": 8}), within_s=20) == 8
    family = [each.pid for each in psutil.Process(worker.pid).parents()]
    assert bool(_groups_of(family)) is (level is not PLAIN)
    number = worker.begin("hoard", {"mib": 900})
    if level is PLAIN:
        assert worker.answer(number, within_s=20) == 900
    else:
        with pytest.raises(LimitPassed) as caught:
            worker.answer(number, within_s=20)
        assert caught.value.cause is Cause.MEMORY
    worker.close()
    assert zygote.close()
    assert _groups_of(family) == []


def test_of_version_2_the_nearest_group_that_hands_controllers_down_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # As on a machine with systemd: a session has processes, and hands nothing down.
    session = tmp_path / "user.slice" / "session-1.scope"
    session.mkdir(parents=True)
    for folder, handed in {
        tmp_path: "cpu memory pids",
        session.parent: "memory",
        session: "",
    }.items():
        (folder / "cgroup.subtree_control").write_text(handed)
        (folder / "cgroup.procs").touch()
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    told = tmp_path / "told"
    told.write_text("0::/user.slice/session-1.scope\n")
    assert cgroups.our_groups(told) == {"memory": tmp_path, "pids": tmp_path}
    (tmp_path / "cgroup.subtree_control").write_text("cpu")
    assert cgroups.our_groups(told) == {}
