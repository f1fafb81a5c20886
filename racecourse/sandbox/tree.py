"""Looking at a tree of processes from outside, and ending it.

On Linux the keeper of a worker is a *child subreaper*: whatever the submission starts,
detaches, double-forks or puts into another session stays below the keeper, so the
tree is complete by construction (prctl(2), PR_SET_CHILD_SUBREAPER). Elsewhere a process
that detaches itself can leave the tree; the promise table in `docs/trust.md` says so.
"""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from time import clock_gettime, monotonic, sleep  # noqa: TID251 - explained where it is used

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"


def adopt_orphans() -> None:
    """Make this process the parent of every orphan below it, where the system can."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int, sparing: Collection[int] = ()) -> list[int]:
    """Return the process ids below `pid`, parents before children.

    Those in `sparing`, with all below them, are left out.

    Processes that end while we look are left out; zombies are included. An orphan moves
    to the root of the tree at the instant its parent ends, so the root is looked at
    again after the walk: an orphan that moved behind our back is there by then.
    """
    found: list[int] = []

    def news(parent: int) -> list[int]:
        known = {*sparing, *found}
        return [child for child in children(parent) if child not in known]

    while level := news(pid):
        while level:
            found += level
            level = [child for parent in level for child in news(parent)]
    return found


def children(pid: int) -> list[int]:
    """Return the process ids of the children; none when the process is gone."""
    if not _LINUX:
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
        return []
    found: list[int] = []
    for task in _tasks(pid):
        found += map(int, _told(f"{task}/children").split())
    return found


def _tasks(pid: int) -> list[str]:
    """Return the folders of a process's threads in `/proc`; none when it is gone."""
    with contextlib.suppress(OSError):
        folder = f"/proc/{pid}/task"
        return [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208
    return []


def _told(path: str) -> bytes:
    """Return what a file of `/proc` says, or nothing when its process is gone.

    Each worker's tree is read twenty times a second; `pathlib` took half of that time.
    """
    with contextlib.suppress(OSError), open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read()
    return b""


def thread_count(pid: int) -> int:
    """Return how many threads a process has, or 0 when it is gone."""
    try:
        return psutil.Process(pid).num_threads()
    except psutil.Error:
        return 0


def handle_count(pid: int) -> int:
    """Return how many files, pipes, sockets and selectors a process has open."""
    try:
        return psutil.Process(pid).num_fds()
    except psutil.Error:
        return 0


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def all_asleep(pids: list[int]) -> bool:
    """Whether every thread of the processes waits for something at this instant.

    Where the system does not tell (no `/proc`), the answer is yes: ask twice.
    """
    if not _LINUX:
        return True
    for pid in pids:
        for task in _tasks(pid):
            told = _told(f"{task}/stat")
            # Nothing is told of a thread that has just ended.
            if told and told.rpartition(b")")[2].split()[0] not in {b"S", b"Z"}:
                return False
    return True


def resident_mib(pids: list[int], *, limit_mib: float) -> float:
    """Return the memory of the processes together, in MiB.

    The sum of resident sizes counts shared pages once per process. Only when that sum
    is above `limit_mib` the slower proportional size decides, so that a pool of forked
    workers is not blamed for pages that all of them share.
    """
    resident = sum(map(_resident_bytes, pids)) / (1 << 20)
    if resident <= limit_mib or not _LINUX:
        return resident
    return sum(_memory(pid, "pss") for pid in pids) / (1 << 20)


def _resident_bytes(pid: int) -> int:
    if not _LINUX:
        return _memory(pid, "rss")
    with contextlib.suppress(IndexError):
        return int(_told(f"/proc/{pid}/statm").split()[1]) * resource.getpagesize()
    return 0


def memory_mib(pids: list[int]) -> float:
    """Return the memory of the processes together, in MiB, shared pages counted once.

    Where the system does not tell what is shared, it is the sum of the resident sizes.
    """
    kind = "pss" if _LINUX else "rss"
    return sum(_memory(pid, kind) for pid in pids) / (1 << 20)


def _memory(pid: int, kind: str) -> int:
    try:
        process = psutil.Process(pid)
        if kind == "pss":
            return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time that the processes used themselves so far.

    On Linux in nanoseconds, from each process's own CPU clock: the counts that psutil
    reads tick a hundred times a second, which is too coarse for a look of 0.6 s.
    """
    return sum(map(_cpu_seconds, pids))


def _cpu_seconds(pid: int) -> float:
    with contextlib.suppress(psutil.Error, OSError):
        if _LINUX:
            return clock_gettime(_cpu_clock_of(pid))
        return float(sum(psutil.Process(pid).cpu_times()[:2]))
    return 0.0


def _cpu_clock_of(pid: int) -> int:
    """The clock that clock_getcpuclockid(3) gives, which Python does not offer."""
    scheduler_clock = 2
    return (~pid << 3) | scheduler_clock


def queued_seconds(pids: list[int]) -> float:
    """Return how long the threads of the processes could run but had no core, together.

    Linux counts it for each thread (`/proc/PID/task/TID/schedstat`, in nanoseconds);
    elsewhere it is 0.0.
    """
    total_ns = 0
    for pid in pids if _LINUX else ():
        for task in _tasks(pid):
            with contextlib.suppress(IndexError, ValueError):
                total_ns += int(_told(f"{task}/schedstat").split()[1])
    return total_ns / 1e9


def thread_cpu_seconds(pid: int, thread_id: int) -> float:
    """Return the CPU time that one thread used, or 0.0 when it is gone.

    The thread's id may be the one that it has in a process namespace of its own.
    """
    with contextlib.suppress(psutil.Error):
        for thread in psutil.Process(pid).threads():
            if thread_id in {thread.id, _inner_id(pid, thread.id)}:
                return float(thread.user_time + thread.system_time)
    return 0.0


def _inner_id(pid: int, thread_id: int) -> int:
    """Return what a thread is called in the innermost namespace that it lives in."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/task/{thread_id}/status").read_text()
        for line in status.splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return thread_id


def command_line(pid: int) -> str:
    """Return the command of a process, or an empty text when it is gone."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def end_all_below(
    pid: int, *, sparing: Collection[int] = (), within_s: float = 5.0
) -> int:
    """Kill and reap everything below this process; return how many were still running.

    Children in `sparing`, with all below them, are left alone.

    Everything is stopped before it is killed, so that a process which forks on and on
    cannot outrun the loop, and the loop goes on until a look finds nothing.
    """
    deadline = monotonic() + within_s
    killed: set[int] = set()
    while (alive := descendants(pid, sparing)) and monotonic() < deadline:
        for each in alive:
            _signal(each, signal.SIGSTOP)
        for each in descendants(pid, sparing):
            if each not in killed and is_running(each):
                killed.add(each)
            _signal(each, signal.SIGKILL)
        _reap_all()
        if descendants(pid, sparing):
            sleep(0.001)
            _reap_all()
    return len(killed)


def kill_all_below(pid: int) -> None:
    """Kill what is below a process that may not be ours; its parent reaps it."""
    for each in descendants(pid):
        _signal(each, signal.SIGKILL)


def remove_folder(folder: str) -> None:
    """Remove a folder however deep or closed a submission left it."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        for command in (["chmod", "-R", "u+rwx", folder], ["rm", "-rf", folder]):
            subprocess.run(command, check=False, capture_output=True)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _reap_all() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
