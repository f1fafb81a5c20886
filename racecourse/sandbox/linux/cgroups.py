"""Control groups: bounds of a whole tree of processes that the kernel itself keeps.

Theory of operation (cgroups(7)). A group is a folder below the one that we are in; who
writes itself into its `cgroup.procs` is in it, with all children to come. The memory of
the group, what it writes to a tmpfs included, is bounded: beyond it the kernel ends the
largest process of the group, and nobody else on the machine pays. Version 1 has a
hierarchy for each controller, version 2 one for all. There only a group without processes
of its own hands controllers down, so ours, a login session say, seldom does: the new group
is made below the nearest one above us that does, on most machines the topmost. Root can
make groups where the file system is writable; elsewhere there are none, and the
observer's looks are the only bound.
"""

import contextlib
import os
import select
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_MIB = 1 << 20
_NEEDED = {"memory", "pids"}
_REMOVALS, _EVERY_MS = 40, 5  # a group is busy until the last of it is reaped


@dataclass(frozen=True, slots=True)
class Group:
    """A group of its own for one tree: a folder for each controller, or one for both."""

    memory: Path
    pids: Path

    def enter(self) -> None:
        """Put this process, and all its children to come, into the group.

        Raises:
            OSError: If the kernel refuses.
        """
        for folder in {self.memory, self.pids}:
            (folder / "cgroup.procs").write_text("0")

    def bound(self, *, memory_mib: int, tasks: int) -> None:
        """Bound the memory, in MiB, and the processes and threads of the whole group.

        Raises:
            OSError: If the kernel refuses.
        """
        name = "memory.max" if self.memory == self.pids else "memory.limit_in_bytes"
        (self.memory / name).write_text(str(memory_mib * _MIB))
        (self.pids / "pids.max").write_text(str(tasks))

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the group for its memory."""
        name = "memory.events" if self.memory == self.pids else "memory.oom_control"
        with contextlib.suppress(OSError):
            for line in (self.memory / name).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return line.split()[1] != "0"
        return False

    def remove(self) -> None:
        """Remove the group, when everybody in it has ended."""
        for folder in {self.memory, self.pids}:
            for _ in range(_REMOVALS):
                with contextlib.suppress(OSError):
                    folder.rmdir()
                if not folder.exists():
                    break
                select.poll().poll(_EVERY_MS)


def make(name: str) -> Group | None:
    """Make a group below our own or above it; None where that is not possible."""
    ours = our_groups()
    if not ours.keys() >= _NEEDED:
        return None
    group = Group(memory=ours["memory"] / name, pids=ours["pids"] / name)
    try:
        for folder in {group.memory, group.pids}:
            folder.mkdir()
        group.bound(
            memory_mib=1 << 20, tasks=1 << 15
        )  # for now: far more than anybody has
    except OSError:
        group.remove()
        return None
    return group


def our_groups(told: Path = Path("/proc/self/cgroup")) -> dict[str, Path]:
    """Return below which folder groups can be made, by controller.

    Args:
        told: Where the kernel tells in which groups we are.
    """
    found = {}
    with contextlib.suppress(OSError):
        for line in told.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers:
                for name in controllers.split(","):
                    found[name] = _existing(_ROOT / name, path)
            elif (top := _handing_down(_existing(_ROOT, path))) is not None:
                found |= dict.fromkeys(_NEEDED, top)
    return {
        name: folder
        for name, folder in found.items()
        if os.access(folder / "cgroup.procs", os.W_OK)
    }


def _existing(top: Path, path: str) -> Path:
    """Return our folder; in a container the path may be the one that the host sees."""
    folder = Path(f"{top}{path}")
    return folder if folder.is_dir() else top


def _handing_down(own: Path) -> Path | None:
    """Return the nearest group of version 2 that hands down what is needed."""
    for folder in (own, *own.parents):
        with contextlib.suppress(OSError):
            handed = (folder / "cgroup.subtree_control").read_text().split()
            if set(handed) >= _NEEDED:
                return folder
        if folder == _ROOT:
            break
    return None
