"""Which levels of confinement does this machine have? Found out by attacking them.

A kernel's version says little: a container, a security module or a setting may take away
what the kernel could do. So a worker is started at each level with the real launcher and
tries what a hostile submission would try. The first level, from the strongest down, that
starts and keeps all of its promises is the one to use.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep  # noqa: TID251 - waits for a process to be gone

from racecourse.model.exercise import Limits
from racecourse.sandbox import attacks, protocol, tree
from racecourse.sandbox.endings import Died, Hung, LimitPassed, Raised, SandboxError
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Zygote
from racecourse.sandbox.levels import LEVELS, PLAIN, Level
from racecourse.sandbox.linux import calls
from racecourse.sandbox.payload import Payload

_TASKS = 24
_WITHIN_S = 20.0
_GONE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of trying one level."""

    level: Level
    refused: str = ""  # what the system said when a worker was to be started
    broken: tuple[str, ...] = ()  # promises that an attack broke

    @property
    def holds(self) -> bool:
        """Whether the level can be used here."""
        return not self.refused and not self.broken

    @property
    def summary(self) -> str:
        """Say in a few words what came of it."""
        if self.refused:
            return f"not available: {self.refused}"
        if self.broken:
            return f"not kept here: {', '.join(self.broken)}"
        return "available"


def strongest(levels: Iterable[Level] = LEVELS) -> tuple[Level, tuple[Finding, ...]]:
    """Return the strongest level that holds here, and what came of each one tried."""
    findings = []
    for level in levels:
        findings.append(examine(level))
        if findings[-1].holds:
            return level, tuple(findings)
    return PLAIN, tuple(findings)


def examine(level: Level) -> Finding:
    """Try one level: start a worker with it and attack from inside."""
    is_root = os.geteuid() == 0
    if level.needs_root and not is_root:
        return Finding(level=level, refused="it needs root")
    if level.forbids_root and is_root:
        return Finding(level=level, refused="it is for users other than root")
    if level is not PLAIN and not calls.SUPPORTED:
        return Finding(level=level, refused=f"not built for {calls.MACHINE}")
    try:
        succeeded = _attack(level)
    except SandboxError as error:
        return Finding(level=level, refused=str(error))
    except (Raised, Hung, Died, LimitPassed, protocol.ProtocolError) as error:
        return Finding(level=level, refused=f"a worker did not work there: {error}")
    return Finding(level=level, broken=tuple(sorted(level.promises & succeeded)))


def _attack(level: Level) -> frozenset[str]:
    """Return the attacks that succeeded at a level."""
    payload = Payload(
        solution="", hidden={"scenarios.py": Path(attacks.__file__).read_text("utf-8")}
    )
    zygote = Zygote(lanes=1, level=level, tasks=_TASKS)
    try:
        with _decoys() as decoys:
            worker = zygote.first_lane().launch(payload, Limits())
            try:
                worker.load(LoadOptions(scenarios="scenarios"), within_s=_WITHIN_S)
                call = worker.begin("attack", {**decoys, "tasks": _TASKS})
                succeeded = set(worker.answer(call, within_s=_WITHIN_S))
                worker.answer(worker.begin("survive", {}), within_s=_WITHIN_S)
                left = list(worker.children())
            finally:
                worker.close()
            if not _all_gone(left):
                succeeded.add("survivors")
            return frozenset(succeeded)
    finally:
        zygote.close()


@contextlib.contextmanager
def _decoys() -> Iterator[dict[str, object]]:
    """Lay out what an attack may aim at: files, a process, a service on loopback."""
    with (
        tempfile.TemporaryDirectory(prefix="rc-decoy-") as folder,
        socket.create_server(("127.0.0.1", 0)) as service,
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
        ) as process,
    ):
        files = [Path(folder, "open"), Path(folder, "closed")]
        for file, mode in zip(files, (0o644, 0o600), strict=True):
            file.write_text("secret", encoding="ascii")
            file.chmod(mode)
        Path(folder).chmod(0o755)
        yield {
            "decoys": list(map(str, files)),
            "pid": process.pid,
            "port": service.getsockname()[1],
        }
        process.kill()


def _all_gone(pids: Iterable[int]) -> bool:
    deadline = monotonic() + _GONE_WITHIN_S
    while any(tree.is_running(pid) for pid in pids):
        if monotonic() > deadline:
            return False
        sleep(0.005)
    return True
