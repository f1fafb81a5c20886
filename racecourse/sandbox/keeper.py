"""The keeper: a small process between zygote and worker that outlives the submission.

It stands ready, with a worker, before anybody has asked for one; see the zygote. It
runs no student code. It adopts every process that the submission leaves behind, so
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
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from racecourse.model.exercise import Limits
from racecourse.sandbox import confine, first, orders, protocol, tree, worker
from racecourse.sandbox.launch import World
from racecourse.sandbox.levels import level_named
from racecourse.sandbox.linux import cgroups

DUMP_SIGNAL = signal.SIGUSR1
_SEND_WITHIN_S = 5.0
_BACKLOG = 1024
_NEWS_BYTES = 4096
_SPARE_MIB = (
    192  # beyond the check's limit, so that the observer is the first to see it
)


def run(world: World, launches: socket.socket) -> NoReturn:
    """Make a worker ready, wait for a launch, and keep the worker until the lane says stop.

    Never returns.
    """
    status = 0
    scratch = ""  # to be removed if there is no lane to do it
    group = (
        cgroups.make(f"racecourse-{os.getpid()}")
        if level_named(world.level).own_user
        else None
    )
    try:
        ready = _Ready(world, group)
        order = orders.receive(launches)
        launches.close()
        if order is not None:
            message, (control, channel, output, trace) = order
            scratch = str(message["scratch"])
            keeper = _Keeper(ready, socket.socket(fileno=control), trace)
            keeper.launch(message, (channel, output, trace))
            keeper.keep()
            scratch = ""
    except (protocol.ChannelClosed, protocol.DeadlinePassed):
        pass  # the lane is gone, and with it the reason to go on
    except BaseException:  # noqa: BLE001 - a forked process must never run on into its parent's code
        status, scratch = 1, ""
    finally:
        tree.end_all_below(os.getpid())
        if group is not None:
            group.remove()
        if scratch:
            tree.remove_folder(scratch)
        os._exit(status)


class _Ready:
    """A worker that waits for its launch, in a world of its own if the level says so.

    Attributes:
        child: The worker, or the first process of its world.
        own_world: Which of the two.
        orders: Where the worker waits.
        news: What is told of it, line by line: where it has a world of its own, that it
            waits there; that it was confined; and, from such a world, its exit status.
            Any other line says why it is not so.
        child_ended: A byte for every child that ended.
        refusal: Why the system refused; empty if it did not.
        group: What bounds them together, where the system has that.
        tasks: How many processes and threads there may be in it.
    """

    def __init__(self, world: World, group: cgroups.Group | None) -> None:
        self.group, self.tasks = group, world.tasks
        os.setsid()
        tree.adopt_orphans()
        self.child_ended, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        reader, news = os.pipe()
        self.news = _News(reader)
        self.orders, worker_end = socket.socketpair()
        self.refusal = ""
        try:
            self.own_world = confine.enclose(world)
        except OSError as error:
            self.refusal = str(error)
            return
        self.child = os.fork()
        if self.child == 0:
            signal.set_wakeup_fd(-1)
            for fd in (self.child_ended, wakeup, reader):
                os.close(fd)
            self.orders.close()
            if group is not None:
                group.enter()
            if self.own_world:
                first.run(world, worker_end, news)
            worker.run(world, worker_end, news)
        os.close(news)
        worker_end.close()


class _News:
    """Lines from a pipe; two may come in one piece."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._read = b""

    def next(self) -> str:
        """Wait for the next line and return it; empty if there will be none."""
        while b"\n" not in self._read:
            part = os.read(self.fd, _NEWS_BYTES)
            if not part:
                break
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return line.decode("utf-8", "backslashreplace")

    def has_come(self) -> bool:
        """Whether a line was read together with the one before."""
        return b"\n" in self._read


class _Keeper:
    def __init__(self, ready: _Ready, control: socket.socket, trace: int) -> None:
        self._control = control
        self._trace = trace
        self._ready = ready
        self._child_ended, self._news = ready.child_ended, ready.news
        self._root = self._worker = 0

    def launch(self, message: Mapping[str, Any], fds: Sequence[int]) -> None:
        """Hand the launch on to the worker and wait until it is confined."""
        ready = self._ready
        if ready.refusal:
            self._refuse(ready.refusal)
        if ready.group is not None:
            memory_mib = Limits(**message["limits"]).memory_mib + _SPARE_MIB
            ready.group.bound(memory_mib=memory_mib, tasks=ready.tasks)
        self._root, self._worker = os.getpid(), ready.child
        if ready.own_world:
            self._expect(first.WAITS)
            # While it waits for its orders it cannot end; later it may have.
            self._root, (self._worker,) = ready.child, tree.children(ready.child)
        with contextlib.suppress(OSError):  # it is gone; the news will say why
            orders.send(ready.orders, message, fds)
        orders.close(fds[:-1])  # the stacks are written by us too
        ready.orders.close()
        self._expect(worker.CONFINED)

    def _expect(self, line: str) -> None:
        told = self._news.next()
        if told != line:
            self._refuse(told or "a process of ours ended early")

    def _refuse(self, reason: str) -> NoReturn:
        self._report({"refused": reason})
        raise RuntimeError(reason)

    def keep(self) -> None:
        """Serve orders until `kill`, or until the lane is gone."""
        pids = {"ready": self._worker, "keeper": os.getpid(), "root": self._root}
        self._report(pids)
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(self._child_ended, select.POLLIN)
        poller.register(self._news.fd, select.POLLIN)
        if self._news.has_come():
            self._tell_end()
        while True:
            for fd, _ in poller.poll():
                if fd == self._child_ended:
                    os.read(self._child_ended, 512)
                    self._reap()
                elif fd == self._news.fd:
                    poller.unregister(self._news.fd)
                    self._tell_end()
                elif not self._obey():
                    return

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid == self._worker:
                    self._report_end(os.waitstatus_to_exitcode(status))

    def _tell_end(self) -> None:
        """Report how the worker ended, as the first process of its world told."""
        status = self._news.next()
        if status:
            self._report_end(int(status))

    def _report_end(self, status: int) -> None:
        group = self._ready.group
        starved = group is not None and group.ran_out_of_memory()
        self._report({"exit": status, "out_of_memory": starved})

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
