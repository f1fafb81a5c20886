"""Control groups: bounds of a whole tree of processes that the kernel itself keeps.

Theory of operation (cgroups(7)). A group is a folder below the one that we are in; who
writes itself into its `cgroup.procs` is in it, with all children to come. The memory of
the group, what it writes to a tmpfs included, is bounded: beyond it the kernel ends the
largest process of the group, and nobody else on the machine pays. Version 1 has a
hierarchy for each controller, version 2 one for all, and there the group above must hand
its controllers down. Root can make groups where the file system is writable; elsewhere
there are none, and the observer's looks are the only bound.
"""

import contextlib
import os
import select
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_MIB = 1 << 20
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
    """Make a group below our own; None where that is not possible."""
    ours = our_groups()
    group = None
    if "memory" in ours and "pids" in ours:
        group = Group(ours["memory"] / name, ours["pids"] / name)
    elif "" in ours:
        group = Group(ours[""] / name, ours[""] / name)
    if group is None:
        return None
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


def our_groups() -> dict[str, Path]:
    """Return the folders of the groups that we are in, by controller; v2 is the empty name."""
    found = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for name in controllers.split(","):
                top = _ROOT / name
                # In a container the path may be the one that the host sees.
                folder = Path(f"{top}{path}")
                folder = folder if folder.is_dir() else top
                if os.access(folder / "cgroup.procs", os.W_OK):
                    found[name] = folder
    return found
