"""Resource limits that a worker puts on itself before it loads the submission.

Limits of one process (CPU time, file size, open files, core dumps) are the kernel's.
Limits of the whole tree (memory, processes, output) are watched from outside by
`racecourse.sandbox.observer`, because the kernel has no such limit without a cgroup.
RLIMIT_AS is not used: threads reserve address space that they never touch, and 3.11
crashes when a reservation fails.
"""

import contextlib
import resource

from racecourse.model.exercise import Limits

_MIB = 1 << 20
_OPEN_FILES = 512


def apply(limits: Limits, *, tasks: int | None) -> None:
    """Lower the limits of this process, for good, to what the check allows.

    Args:
        limits: What the check allows.
        tasks: How many processes and threads there may be together; None where the
            user is shared, because the kernel would count strangers.
    """
    if tasks is not None:
        _lower(resource.RLIMIT_NPROC, tasks)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_FSIZE, limits.file_mib * _MIB)
    # One second of grace: at the hard limit the kernel kills without saying why.
    _lower(resource.RLIMIT_CPU, limits.cpu_s, grace=1)
    # A single huge allocation fails at once; slow growth is the observer's to see.
    _lower(resource.RLIMIT_DATA, max(2048, 2 * limits.memory_mib) * _MIB)


def _lower(kind: int, value: int, *, grace: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    end = value + grace
    if hard != resource.RLIM_INFINITY:
        value, end = min(value, hard), min(end, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS lacks some of them
        resource.setrlimit(kind, (value, end))
