"""What this machine can promise: cores, quota, interpreter, start methods."""

import multiprocessing
import os
import platform
from pathlib import Path

from racecourse.model.report import Machine
from racecourse.sandbox.stage_host import HAS_GIL

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def look_around(sandbox: str) -> Machine:
    """Describe the machine of this run; nothing is started and nothing is timed.

    Args:
        sandbox: Name of the level of confinement.
    """
    return Machine(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cores=usable_cores(),
        cpu_quota=cpu_quota(),
        gil=HAS_GIL,
        start_methods=tuple(multiprocessing.get_all_start_methods()),
        sandbox=sandbox,
    )


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota() -> float | None:
    """Return the cgroup's CPU quota in cores, or None when there is none."""
    try:
        if _CGROUP_V2.exists():
            quota, period = _CGROUP_V2.read_text(encoding="ascii").split()
            return None if quota == "max" else int(quota) / int(period)
        quota = (_CGROUP_V1 / "cpu.cfs_quota_us").read_text(encoding="ascii")
        period = (_CGROUP_V1 / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None
