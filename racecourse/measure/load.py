"""Loads: making the machine as busy as a class does, for as long as a block runs.

`hogs` are four processes that spin, each in a session of its own. `one-core` pins us, and
all that we start, to one core. `half-core` gives us half a core's time in each tenth of a
second through a CPU controller of the kernel's control groups, the way a container's
quota does; it needs root and a writable cgroup file system.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Semaphore
from pathlib import Path

HOGS = 4
_LOOK_EVERY = 1_000_000  # rounds of a loop: some 20 ms of a core
_PERIOD_US = 100_000
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")
_CGROUP_V2 = Path("/sys/fs/cgroup")


class LoadNotPossible(Exception):  # noqa: N818 - an answer about this machine
    """This machine cannot be loaded so; the text says why."""


@contextlib.contextmanager
def _idle() -> Iterator[None]:
    yield


@contextlib.contextmanager
def _hogs() -> Iterator[None]:
    spinning = multiprocessing.Semaphore(0)
    hogs = [
        multiprocessing.Process(target=_spin, args=(spinning,), daemon=True)
        for _ in range(HOGS)
    ]
    try:
        for hog in hogs:
            hog.start()
        for _ in hogs:
            spinning.acquire()
        yield
    finally:
        for hog in hogs:
            if hog.pid is not None:
                hog.kill()
                hog.join()


def _spin(spinning: Semaphore) -> None:
    # Linux shares the cores out among sessions first (autogroups, see sched(7)). Four
    # hogs in ours would get one session's share, and workers, each in its own, the rest.
    parent = os.getppid()
    os.setsid()
    spinning.release()
    # No signal of our terminal reaches another session: so it looks whether we live.
    while os.getppid() == parent:
        for _ in range(_LOOK_EVERY):
            pass


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):
        raise LoadNotPossible("this system does not pin processes to cores")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def _half_core() -> Iterator[None]:
    group, home = _quota_group(), _own_group()
    try:
        (group / "cgroup.procs").write_text(str(os.getpid()))
        yield
    finally:
        (home / "cgroup.procs").write_text(str(os.getpid()))
        with contextlib.suppress(OSError):
            group.rmdir()  # what we started has ended, or keeps the group


def _quota_group() -> Path:
    """Make a group of half a core; cgroup v2 where there is one, else v1."""
    is_v1 = (_CGROUP_V1 / "cpu.cfs_quota_us").exists()
    group = (_CGROUP_V1 if is_v1 else _CGROUP_V2) / f"racecourse-{os.getpid()}"
    try:
        group.mkdir()
        if is_v1:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(_PERIOD_US // 2))
        else:
            (group / "cpu.max").write_text(f"{_PERIOD_US // 2} {_PERIOD_US}")
    except OSError as error:
        raise LoadNotPossible(f"no CPU quota can be set here: {error}") from None
    return group


def _own_group() -> Path:
    """Return the group we are in now."""
    is_v1 = (_CGROUP_V1 / "cpu.cfs_quota_us").exists()
    for row in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = row.split(":", 2)
        if ("cpu" in controllers.split(",")) if is_v1 else not controllers:
            return (_CGROUP_V1 if is_v1 else _CGROUP_V2) / path.strip("/")
    return _CGROUP_V1 if is_v1 else _CGROUP_V2


LOADS: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    "idle": _idle,
    "hogs": _hogs,
    "one-core": _one_core,
    "half-core": _half_core,
}
