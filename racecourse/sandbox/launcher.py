"""The supervisor's side of the sandbox: start a zygote, and get workers from it."""

import contextlib
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import racecourse
from racecourse.model.exercise import Limits
from racecourse.sandbox.handle import Worker
from racecourse.sandbox.launch import LaunchSpec, World
from racecourse.sandbox.levels import PLAIN, Level
from racecourse.sandbox.payload import Payload, lay_out

# The worker's own tools that take 50 ms to import. The first look needs none of them.
_FOR_RACE_CHECKS = ("racecourse.sandbox.exploring", "racecourse.sandbox.stalling")
_FIRST_UID, _UIDS = 2_000_000_000, 100_000_000  # of nobody: one for each run
_IN_MEMORY = "/dev/shm"  # noqa: S108 - not written to where a submission could
_FREE_MIB = 1024  # of it, or scratch folders go to the disk


class Zygote:
    """A clean interpreter that forks workers; one control socket for each lane."""

    def __init__(  # noqa: PLR0913 - each says one thing of all its workers
        self,
        *,
        lanes: int,
        preload: Iterable[str] = (),
        explores: bool = False,
        level: Level = PLAIN,
        hidden: Iterable[str] = (),
        tasks: int = 1024,
    ) -> None:
        then = list(_FOR_RACE_CHECKS) if explores else []
        world = World(level=level.name, hidden=tuple(hidden), tasks=tasks)
        self._level = level
        pairs = [socket.socketpair() for _ in range(lanes)]
        self._controls = [ours for ours, _ in pairs]
        self._alive, alive_in_zygote = os.pipe()
        theirs = [their.fileno() for _, their in pairs]
        home = str(Path(racecourse.__file__).resolve().parent.parent)
        # What the zygote itself imports may be kept as bytecode if ours may; what
        # a submission starts keeps none (-B).
        code = (
            f"import sys; sys.dont_write_bytecode = {sys.dont_write_bytecode};"
            " from racecourse.sandbox.zygote import main; main()"
        )
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-s", "-P", "-B", "-c", code),
                *map(json.dumps, (theirs, list(preload), then, world.to_plain())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[*theirs, alive_in_zygote],
            cwd="/",
            env={
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "PYTHONHASHSEED": "0",
                "PYTHONPATH": home,
            },
            start_new_session=True,
        )
        os.close(alive_in_zygote)
        for _, their in pairs:
            their.close()

    def first_lane(self) -> "Lane":
        """Return the supervisor's own way to launch workers."""
        return Lane(self._controls[0], self._level)

    def lane(self, index: int) -> "Lane":
        """Return the way to launch workers from one lane; closes the other lanes' ends."""
        for other, control in enumerate(self._controls):
            if other != index:
                control.close()
        return Lane(self._controls[index], self._level)

    def close(self, *, within_s: float = 3.0) -> bool:
        """End the zygote; return whether it and all its keepers were gone in time."""
        for control in self._controls:
            control.close()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Keepers hold the other end; its closing is the proof that none is left.
        gone = _closed_within(self._alive, within_s)
        os.close(self._alive)
        return gone


def _closed_within(fd: int, within_s: float) -> bool:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(within_s * 1000))


def place_for_scratch(level: Level) -> str:
    """Return the folder in which the scratch folders of workers are made.

    In memory a file costs a fiftieth of what it may cost on a disk, and each worker is
    given ten. That must be a place that no submission can write to: in a world of its
    own a worker has another one of that name. A place that the user chose is kept.
    """
    if not level.namespaces or "TMPDIR" in os.environ:
        return tempfile.gettempdir()
    with contextlib.suppress(OSError):
        place = os.statvfs(_IN_MEMORY)
        roomy = place.f_bavail * place.f_frsize >= _FREE_MIB << 20
        if roomy and os.access(_IN_MEMORY, os.W_OK | os.X_OK):
            return _IN_MEMORY
    return tempfile.gettempdir()


class Lane:
    """Launches workers, one after the other or side by side."""

    def __init__(self, control: socket.socket, level: Level) -> None:
        self._control = control
        self._own_user = level.own_user
        self._place = place_for_scratch(level)

    def launch(self, payload: Payload, limits: Limits) -> "Worker":
        """Start a worker and write the submission into its scratch folder.

        Raises:
            SandboxError: If the zygote does not deliver.
        """
        spec = LaunchSpec(
            scratch=tempfile.mkdtemp(prefix="rc-", dir=self._place),
            limits=limits,
            uid=_FIRST_UID + secrets.randbelow(_UIDS) if self._own_user else 0,
        )
        lay_out(spec, payload)
        return Worker(self._control, spec, payload)
