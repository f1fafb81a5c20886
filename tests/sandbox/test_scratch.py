"""Where the scratch folders of workers are: in memory, if no submission can write there."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from racecourse.sandbox import launcher
from racecourse.sandbox.levels import LEVELS, Level, level_named
from tests import levels

_MEMORY = "/dev/shm"  # noqa: S108
_MIB = 1 << 20
Memory = Callable[[int], None]
# Tells where it lies, after it has tried to leave something beside that.
_SUBMISSION = """
from pathlib import Path
import solution
Path("/dev/shm/rc-planted").write_text("x")
raise LookupError(" ".join(Path(solution.__file__).parts[1:]))
"""
_DRIVER = """
import json, os, sys
from pathlib import Path
from racecourse.model.exercise import Limits
from racecourse.sandbox.endings import Raised
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Zygote, place_for_scratch
from racecourse.sandbox.levels import level_named
from racecourse.sandbox.payload import Payload

del os.environ["TMPDIR"]
level = level_named(sys.argv[1])
zygote = Zygote(lanes=1, level=level)
worker = zygote.first_lane().launch(Payload(solution=sys.argv[2]), Limits())
try:
    worker.load(LoadOptions(), within_s=20)
except Raised as error:
    solution = Path("/", *error.text.split())
worker.close()
assert zygote.close()
scratch, planted = solution.parents[2], Path("/dev/shm/rc-planted")
print(json.dumps({
    "there": scratch.parent == Path(place_for_scratch(level)),
    "left": scratch.exists(),
    "planted": planted.exists(),
}))
planted.unlink(missing_ok=True)
"""


@pytest.fixture
def memory_of(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """Return a function that makes the place in memory that large, and writable."""
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(launcher.tempfile, "gettempdir", lambda: "/disk")

    def make(mib: int) -> None:
        told = SimpleNamespace(f_bavail=mib, f_frsize=_MIB)
        monkeypatch.setattr(launcher.os, "statvfs", lambda _: told)
        monkeypatch.setattr(launcher.os, "access", lambda *_: True)

    return make


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_memory_is_used_only_where_a_worker_has_a_world_of_its_own(
    level: Level, memory_of: Memory
) -> None:
    memory_of(4096)
    place = launcher.place_for_scratch(level)
    assert place == (_MEMORY if level.namespaces else "/disk")


def test_a_small_place_is_left_alone(memory_of: Memory) -> None:
    """A container's has 64 MiB by default, and one exercise asks for 160 MiB of files."""
    memory_of(1023)
    assert launcher.place_for_scratch(level_named("user")) == "/disk"


def test_the_place_that_the_user_chose_is_kept(
    memory_of: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_of(4096)
    monkeypatch.setenv("TMPDIR", "/disk")
    assert launcher.place_for_scratch(level_named("user")) == "/disk"


def test_a_system_without_it_uses_the_disk(
    memory_of: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_of(4096)

    def missing(_: str) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(launcher.os, "statvfs", missing)
    assert launcher.place_for_scratch(level_named("user")) == "/disk"


def test_a_place_that_we_may_not_write_to_is_left_alone(
    memory_of: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_of(4096)
    monkeypatch.setattr(launcher.os, "access", lambda *_: False)
    assert launcher.place_for_scratch(level_named("user")) == "/disk"


def test_it_is_gone_afterwards_and_nothing_was_planted_beside_it(
    level: Level, tmp_path: Path
) -> None:
    """Whoever has no world of its own can write there, and so nothing of ours is there."""
    levels.open_to_others(tmp_path)
    seen = levels.run_at(
        level, tmp_path / "run", "-c", _DRIVER, level.name, _SUBMISSION
    )
    assert seen == {"there": True, "left": False, "planted": not level.namespaces}
