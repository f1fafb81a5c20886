"""The keeper: a small process between zygote and worker that outlives the submission.

It runs no student code. It adopts every process that the submission leaves behind, so
that nothing escapes the tree; it reports how the worker ended; and it ends the whole
tree when told to, or when the supervisor's end of its control socket closes.

Orders (frames) from the lane: `dump` (stacks of every process that can), `listen` (a
port for a server of the grader's, in the worker's own network), `kill`.
Reports: `ready` with the worker's pid, `exit` with its status, `gone` with how many
processes were still running when the tree was ended.
"""

import contextlib
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from typing import NoReturn

from racecourse.sandbox import confine, first, protocol, tree, worker
from racecourse.sandbox.launch import LaunchSpec

DUMP_SIGNAL = signal.SIGUSR1
_SEND_WITHIN_S = 5.0
_BACKLOG = 1024


def run(
    spec: LaunchSpec, control: int, channel: int, output: int, trace: int
) -> NoReturn:
    """Fork the worker and keep it until the lane says stop. Never returns."""
    status, lane_is_there = 0, True
    try:
        _Keeper(spec, socket.socket(fileno=control), channel, output, trace).keep()
    except (protocol.ChannelClosed, protocol.DeadlinePassed):
        lane_is_there = False  # and with it the reason to go on
    except BaseException:  # noqa: BLE001 - a forked process must never run on into its parent's code
        status = 1
    finally:
        tree.end_all_below(os.getpid())
        if not lane_is_there:
            tree.remove_folder(spec.scratch)
        os._exit(status)


class _Keeper:
    def __init__(
        self,
        spec: LaunchSpec,
        control: socket.socket,
        channel: int,
        output: int,
        trace: int,
    ) -> None:
        os.setsid()
        tree.adopt_orphans()
        self._control = control
        self._trace = trace
        self._child_ended, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._news, news = os.pipe()
        own_world = confine.enclose(spec)
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            for fd in (self._child_ended, wakeup, self._news):
                os.close(fd)
            control.close()
            if own_world:
                first.run(spec, news, channel, output, trace)
            worker.run(spec, channel, output, trace)
        for fd in (channel, output, news):
            os.close(fd)
        self._root = child if own_world else os.getpid()
        self._worker = self._first_child_of(child) if own_world else child

    def _first_child_of(self, first_process: int) -> int:
        """Return the worker's process id as we see it, once the world is ready for it."""
        os.set_blocking(self._news, True)
        told = os.read(self._news, 4096).decode("utf-8", "backslashreplace")
        if told != first.BEGUN:
            self._report({"refused": told or "the first process ended"})
            raise RuntimeError(told)
        (worker_pid,) = tree.children(first_process)
        return worker_pid

    def keep(self) -> None:
        """Serve orders until `kill`, or until the lane is gone."""
        pids = {"ready": self._worker, "keeper": os.getpid(), "root": self._root}
        self._report(pids)
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(self._child_ended, select.POLLIN)
        poller.register(self._news, select.POLLIN)
        while True:
            for fd, _ in poller.poll():
                if fd == self._child_ended:
                    os.read(self._child_ended, 512)
                    self._reap()
                elif fd == self._news:
                    poller.unregister(self._news)
                    self._tell_end(os.read(self._news, 64))
                elif not self._obey():
                    return

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid == self._worker:
                    self._report({"exit": os.waitstatus_to_exitcode(status)})

    def _tell_end(self, status: bytes) -> None:
        """Report how the worker ended, as the first process of its world told."""
        if status:
            self._report({"exit": int(status)})

    def _obey(self) -> bool:
        order = protocol.receive(self._control, within_s=_SEND_WITHIN_S)
        if "dump" in order:
            self._dump_stacks()
            self._report({"dumped": True})
            return True
        if "listen" in order:
            self._listen()
            return True
        self._report({"gone": tree.end_all_below(os.getpid())})
        return False

    def _listen(self) -> None:
        """Open a port where the worker's network is, and hand it to the lane."""
        with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listener:
            self._report({"listening": listener.getsockname()[1]})
            socket.send_fds(self._control, [b"."], [listener.fileno()])

    def _dump_stacks(self) -> None:
        """Ask each process that listens for its stacks, one after the other."""
        for pid in tree.descendants(os.getpid()):
            if _catches(pid, DUMP_SIGNAL):
                os.write(self._trace, f"\nProcess {pid}\n".encode())
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, DUMP_SIGNAL)
                # The handler writes in C at the next instant; nothing announces its end.
                select.poll().poll(15)

    def _report(self, message: Mapping[str, object]) -> None:
        protocol.send(self._control, message, within_s=_SEND_WITHIN_S)


def _catches(pid: int, number: int) -> bool:
    """Whether a process handles a signal; one that does not would die of it."""
    if sys.platform != "linux":
        return True
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123
            for line in status:
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    except OSError:
        pass
    return False
